#pragma once

#include <string>

#include "tls/client_context.h"
#include "tls/session.h"

namespace domed {

// Who this program is to daemons that are reached over a network, and by what it knows them.
struct Credentials {
  tls::ClientFiles files;  // of tls+tcp: DOMED_CA, DOMED_CERT, DOMED_KEY
  std::string token_file;  // DOMED_TOKEN_FILE
  std::string token;       // DOMED_TOKEN, where there is no file

  static Credentials of_environment();

  bool have_token() const { return !token_file.empty() || !token.empty(); }
  // The secret that requests bear; empty: none.  Throws Error where the file cannot be read, is
  // open to others or holds something else.
  std::string read_token() const;

  // Why there is no talking with "url" over TLS, and what to do.
  std::string words_of(const tls::Fault& fault, const std::string& url) const;
};

}  // namespace domed

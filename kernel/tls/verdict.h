#pragma once

#include <string>

#include "tls/openssl.h"

namespace domed::tls {

// By what the certificates of the other side are judged.
struct Trust {
  bool of_clients = false;  // else of servers
  std::string authorities;  // the file; empty: the system's store
  std::string revoked;      // the file; empty: nothing is
};

// What was found of one.
struct Verdict {
  const Trust* trust = nullptr;
  std::string host;        // that the server should be
  std::string fault = {};  // in words: "its certificate 'CN=x' has expired"; empty: none
  bool unknown_authority = false;
};

// What OpenSSL calls for each certificate of a chain, the peer's own at last, with its own opinion.
// Returns whether it is to go on.
bool judge(bool good, X509_STORE_CTX* at, Verdict& verdict);

}  // namespace domed::tls

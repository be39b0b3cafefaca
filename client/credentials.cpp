#include "client/credentials.h"

#include <algorithm>
#include <cstdlib>

#include "domed/error.h"
#include "system/named_file.h"

namespace domed {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// It goes into JSON, and nobody should look for a space that was pasted along.
void must_be_token(const std::string& text, const std::string& where) {
  const bool good = !text.empty() && std::all_of(text.begin(), text.end(),
                                                 [](char c) { return c > 0x20 && c < 0x7f; });
  if (!good)
    throw Error(Code::invalid_argument,
                where + " holds no token: write it as one word, and nothing else");
}

}  // namespace

Credentials Credentials::of_environment() {
  return {{variable("DOMED_CA"), variable("DOMED_CERT"), variable("DOMED_KEY")},
          variable("DOMED_TOKEN_FILE"),
          variable("DOMED_TOKEN")};
}

std::string Credentials::read_token() const {
  if (token_file.empty()) {
    if (!token.empty()) must_be_token(token, "DOMED_TOKEN");
    return token;
  }
  std::string text = read_secret(token_file);
  if (text.ends_with('\n')) text.pop_back();
  must_be_token(text, token_file);
  return text;
}

std::string Credentials::words_of(const tls::Fault& fault, const std::string& url) const {
  using Kind = tls::Fault::Kind;
  const std::string what = "there is no talking with " + url + ": " + fault.words;
  switch (fault.kind) {
    case Kind::unknown_authority:
      return what +
             ": nothing was sent; if its authority is to be trusted, name the file of that "
             "with --ca or DOMED_CA";
    case Kind::bad_certificate:
      return what + ": nothing was sent; whoever runs the daemon has to give it another";
    case Kind::refused:
      return what + (files.cert.empty()
                         ? ": name a certificate with --cert and --key, or DOMED_CERT and DOMED_KEY"
                         : ": " + files.cert + " is ours; the daemon's log says more");
    case Kind::no_tls:
      return what + ": nothing was sent; write its URL as the daemon has it";
    default:
      return what + ": it may be another program";
  }
}

}  // namespace domed

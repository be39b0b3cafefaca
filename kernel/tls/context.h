#pragma once

#include <string>

#include "tls/openssl.h"
#include "tls/verdict.h"

namespace domed::tls {

// What sessions of one side have in common.  Not changed once a session has it.
struct Context {
  Owned<SSL_CTX> ssl;
  Trust trust;
};

// TLS 1.3, or 1.2 for who knows no better; neither compressed nor renegotiated, and never resumed:
// each session verifies its peer.  "side" is TLS_server_method() or TLS_client_method().
Context make_context(const SSL_METHOD* side);

// Has "context" show the chain of certificates in "cert", whose first is that of "key".  Throws
// Error.
void show_certificate(Context& context, const std::string& cert, const std::string& key);
// Has "context" trust the authorities in "file".  Throws Error.
void trust_authorities(Context& context, const std::string& file);

}  // namespace domed::tls

#include "tls/client_context.h"

#include "domed/error.h"
#include "tls/files.h"

namespace domed::tls {

ClientContext::ClientContext(const ClientFiles& files) {
  auto context = std::make_shared<Context>(make_context(TLS_client_method()));
  if (files.ca.empty())
    SSL_CTX_set_default_verify_paths(context->ssl.get());
  else
    trust_authorities(*context, files.ca);
  if (files.cert.empty() != files.key.empty())
    throw Error(Code::invalid_argument,
                (files.key.empty() ? files.cert + " is a certificate without its key"
                                   : files.key + " is a key without its certificate") +
                    ": name both");
  if (!files.cert.empty()) show_certificate(*context, files.cert, files.key);
  SSL_CTX_set_verify(context->ssl.get(), SSL_VERIFY_PEER, nullptr);
  context_ = std::move(context);
}

std::unique_ptr<Session> ClientContext::connect(const std::string& host) const {
  return std::make_unique<Session>(context_, Session::Side::client, host);
}

}  // namespace domed::tls

#include "console/certificates.h"

#include "domed/error.h"
#include "tls/certificate.h"
#include "tls/files.h"

namespace domed::console {
namespace {

void show(SSL_CTX& context, const std::string& cert, const std::string& key) {
  const auto chain = tls::read_certificates(cert);
  bool good = SSL_CTX_use_certificate(&context, chain.front().get()) == 1;
  for (std::size_t i = 1; i < chain.size(); ++i)
    good = good && SSL_CTX_add1_chain_cert(&context, chain[i].get()) == 1;
  const auto secret = tls::read_key(key);
  good = good && SSL_CTX_use_PrivateKey(&context, secret.get()) == 1 &&
         SSL_CTX_check_private_key(&context) == 1;
  if (!good)
    throw Error(Code::invalid_argument, key + " is not the key of the certificate in " + cert +
                                            ": name the two that belong together");
}

void trust(SSL_CTX& context, const std::string& client_ca) {
  for (const auto& authority : tls::read_certificates(client_ca)) {
    X509_STORE_add_cert(SSL_CTX_get_cert_store(&context), authority.get());
    SSL_CTX_add_client_CA(&context, authority.get());
  }
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER, nullptr);
}

}  // namespace

tls::Owned<SSL_CTX> make_tls(const std::string& cert, const std::string& key,
                             const std::string& client_ca) {
  tls::Owned<SSL_CTX> out(SSL_CTX_new(TLS_server_method()));
  if (!out) throw Error(Code::io, "cannot serve https: OpenSSL has no context");
  SSL_CTX& context = *out;
  SSL_CTX_set_min_proto_version(&context, TLS1_2_VERSION);
  // Each connection shows its certificate anew, and once.
  SSL_CTX_set_session_cache_mode(&context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(&context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // A connection's answer is written in whatever parts are taken.
  SSL_CTX_set_mode(&context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  show(context, cert, key);
  if (!client_ca.empty()) trust(context, client_ca);
  return out;
}

BrowserCertificate certificate_of(const httplib::Request& request) {
  if (!request.ssl || SSL_get_verify_result(request.ssl) != X509_V_OK) return {};
  X509* certificate = SSL_get0_peer_certificate(request.ssl);
  if (!certificate || !tls::is_for_clients(certificate)) return {};
  return {tls::name_of(certificate).name,
          tls::first_expiry(SSL_get0_verified_chain(request.ssl)).at};
}

}  // namespace domed::console

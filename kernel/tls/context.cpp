#include "tls/context.h"

#include <openssl/err.h>

#include "domed/error.h"
#include "tls/files.h"

namespace domed::tls {

Context make_context(const SSL_METHOD* side) {
  Context context;
  context.ssl.reset(SSL_CTX_new(side));
  SSL_CTX* const ssl = context.ssl.get();
  if (!ssl) throw Error(Code::exhausted, "cannot make a context of TLS: " + openssl_words());
  SSL_CTX_set_min_proto_version(ssl, TLS1_2_VERSION);
  SSL_CTX_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
  SSL_CTX_set_num_tickets(ssl, 0);
  SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
  // Thousands of peers are idle; and what is shown is what the file says.
  SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  // A part of a chain is trusted as its end is: the authority that is named is the one that counts.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ssl), X509_V_FLAG_PARTIAL_CHAIN);
  return context;
}

void show_certificate(Context& context, const std::string& cert, const std::string& key) {
  const auto chain = read_certificates(cert);
  const auto own = read_key(key);
  SSL_CTX* const ssl = context.ssl.get();
  if (X509_check_private_key(chain.front().get(), own.get()) != 1) {
    ERR_clear_error();
    throw Error(Code::invalid_argument, key + " is not the key of the first certificate in " +
                                            cert + ": name the two that belong together");
  }
  bool good = SSL_CTX_use_certificate(ssl, chain.front().get()) == 1 &&
              SSL_CTX_use_PrivateKey(ssl, own.get()) == 1;
  for (std::size_t i = 1; i < chain.size(); ++i)
    good = good && SSL_CTX_add1_chain_cert(ssl, chain[i].get()) == 1;
  if (!good)
    throw Error(Code::invalid_argument,
                "cannot use " + cert + ": " + openssl_words() + ": make another certificate");
}

void trust_authorities(Context& context, const std::string& file) {
  X509_STORE* const store = SSL_CTX_get_cert_store(context.ssl.get());
  for (const auto& authority : read_certificates(file))
    if (X509_STORE_add_cert(store, authority.get()) != 1)
      throw Error(Code::invalid_argument, "cannot use " + file + ": " + openssl_words());
  context.trust.authorities = file;
}

}  // namespace domed::tls

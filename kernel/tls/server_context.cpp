#include "tls/server_context.h"

#include <openssl/err.h>

#include <algorithm>

#include "base/units.h"
#include "domed/error.h"
#include "system/trusted_path.h"
#include "tls/certificate.h"
#include "tls/files.h"

namespace domed::tls {
namespace {

constexpr std::int64_t kAhead = std::int64_t{30} * 24 * 3600 * 1'000'000;

void must_be_ours(const std::string& file) {
  if (const auto why = weakness_of(file))
    throw Error(Code::invalid_argument, file + " could be replaced by others: " + *why +
                                            ": put it into a directory of your own");
}

struct Expiry {
  std::string file;
  std::int64_t at;
  const char* what;
};

void note(std::vector<Expiry>& expiries, const std::string& file, const ASN1_TIME* time,
          const char* what) {
  const auto at = time_of(time);
  if (!at) return;
  const auto same = std::find_if(expiries.begin(), expiries.end(),
                                 [&](const Expiry& expiry) { return expiry.file == file; });
  if (same == expiries.end())
    expiries.push_back({file, *at, what});
  else
    same->at = std::min(same->at, *at);
}

int verify(int good, X509_STORE_CTX* at) {
  return judge(good == 1, at, *static_cast<Verdict*>(X509_STORE_CTX_get_app_data(at))) ? 1 : 0;
}

}  // namespace

struct ServerContext::Loaded : Context {
  explicit Loaded(Context context) : Context(std::move(context)) {}
  std::vector<Expiry> expiries;
  bool certificate_required = false;
  std::string authorities;  // of clients, in DER
};

namespace {

std::string der_of(X509& certificate) {
  std::string der(static_cast<std::size_t>(std::max(0, i2d_X509(&certificate, nullptr))), '\0');
  auto* at = reinterpret_cast<unsigned char*>(der.data());
  if (!der.empty()) i2d_X509(&certificate, &at);
  return der;
}

}  // namespace

ServerContext::Files ServerContext::load(const ServerFiles& files) {
  for (const std::string* file : {&files.cert, &files.key, &files.client_ca, &files.crl})
    if (!file->empty()) must_be_ours(*file);
  const auto loaded = std::make_shared<Loaded>(make_context(TLS_server_method()));
  SSL_CTX* const ssl = loaded->ssl.get();
  loaded->trust.of_clients = true;
  show_certificate(*loaded, files.cert, files.key);
  for (const auto& own : read_certificates(files.cert))
    note(loaded->expiries, files.cert, X509_get0_notAfter(own.get()), "our certificate");
  if (files.client_ca.empty()) return loaded;
  trust_authorities(*loaded, files.client_ca);
  for (const auto& authority : read_certificates(files.client_ca)) {
    SSL_CTX_add_client_CA(ssl, authority.get());
    loaded->authorities += der_of(*authority);
    note(loaded->expiries, files.client_ca, X509_get0_notAfter(authority.get()),
         "an authority of clients");
  }
  loaded->certificate_required = files.certificate_required;
  SSL_CTX_set_verify(
      ssl, SSL_VERIFY_PEER | (files.certificate_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
      nullptr);
  if (files.crl.empty()) return loaded;
  loaded->trust.revoked = files.crl;
  X509_STORE* const store = SSL_CTX_get_cert_store(ssl);
  X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
  for (const auto& list : read_crls(files.crl)) {
    if (X509_STORE_add_crl(store, list.get()) != 1)
      throw Error(Code::invalid_argument, "cannot use " + files.crl + ": " + openssl_words());
    note(loaded->expiries, files.crl, X509_CRL_get0_nextUpdate(list.get()),
         "what is revoked; once it is over every client is refused");
  }
  return loaded;
}

bool ServerContext::has_authorities_of(const Files& files) const {
  return current()->authorities == files->authorities;
}

void ServerContext::use(Files files) {
  const std::lock_guard lock(mutex_);
  current_.swap(files);  // what it was is destroyed when the lock is free
}

ServerContext::Files ServerContext::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

std::unique_ptr<Session> ServerContext::accept() const {
  return std::make_unique<Session>(current(), Session::Side::server);
}

std::optional<std::string> ServerContext::expiry_of(const Session& session) const {
  if (session.expires() == INT64_MAX || clock_() <= session.expires()) return std::nullopt;
  const auto* const chain = SSL_get0_verified_chain(session.ssl());
  X509* const over = first_expiry(chain).certificate;
  if (over == sk_X509_value(chain, 0))
    return "its certificate " + subject_of(over) + " has expired";
  return "the authority of its certificate, " + subject_of(over) + ", has expired";
}

std::optional<std::string> ServerContext::objection_to(const Session& session) const {
  if (auto over = expiry_of(session)) return over;
  const auto now = current();
  const Owned<X509> certificate(SSL_get1_peer_certificate(session.ssl()));
  if (&session.context() == now.get()) return std::nullopt;
  if (!certificate)
    return now->certificate_required ? std::optional<std::string>("it has no certificate")
                                     : std::nullopt;
  Verdict verdict{&now->trust, ""};
  const Owned<X509_STORE_CTX> check(X509_STORE_CTX_new());
  X509_STORE* const store = SSL_CTX_get_cert_store(now->ssl.get());
  X509_STORE_CTX_init(check.get(), store, certificate.get(),
                      SSL_get_peer_cert_chain(session.ssl()));
  X509_STORE_CTX_set_default(check.get(), "ssl_client");
  X509_STORE_CTX_set_flags(check.get(), X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_NO_CHECK_TIME);
  X509_STORE_CTX_set_app_data(check.get(), &verdict);
  X509_STORE_CTX_set_verify_cb(check.get(), verify);
  const bool good = X509_verify_cert(check.get()) == 1;
  ERR_clear_error();
  if (good) return std::nullopt;
  return verdict.fault.empty() ? "its certificate cannot be checked" : verdict.fault;
}

std::vector<std::string> ServerContext::expiring(std::int64_t now) const {
  std::vector<std::string> texts;
  const auto loaded = current();  // kept, for a reload lets go of it
  for (const auto& [file, at, what] : loaded->expiries)
    if (at < now + kAhead)
      texts.push_back(file + (at < now ? " expired on " : " expires on ") +
                      format_time(at).substr(0, 10) + " (" + what + ")");
  return texts;
}

}  // namespace domed::tls

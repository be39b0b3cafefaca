#include "tls/session.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

#include "domed/error.h"
#include "tls/certificate.h"

namespace domed::tls {
namespace {

constexpr std::size_t kRecord = 16 << 10;  // the most that one holds
// The types of what a peer may begin with.
constexpr char kHandshake = 22, kAlert = 21;
constexpr int kCertificateRequired = 116;  // an alert that OpenSSL 3.0 has no words for

// Of the thread's, so that what is sent at once takes no memory of its session's.
std::string& spare() {
  thread_local std::string bytes;
  return bytes;
}

std::string& record() {
  thread_local std::string bytes;
  return bytes;
}

bool is_about_certificates(int alert) {
  switch (alert) {
    case SSL_AD_BAD_CERTIFICATE:
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
    case SSL_AD_CERTIFICATE_REVOKED:
    case SSL_AD_CERTIFICATE_EXPIRED:
    case SSL_AD_CERTIFICATE_UNKNOWN:
    case SSL_AD_UNKNOWN_CA:
      return true;
    default:
      return false;
  }
}

std::string words_of_alert(int alert) {
  if (alert == kCertificateRequired) return "it asks for a certificate, and we have none";
  const std::string words = SSL_alert_desc_string_long(alert);
  return (is_about_certificates(alert) ? "it refuses our certificate (" : "it refuses us (") +
         words + ")";
}

}  // namespace

Session::Session(std::shared_ptr<const Context> context, Side side, const std::string& host)
    : context_(std::move(context)),
      side_(side),
      verdict_{&context_->trust, host},
      ssl_(SSL_new(context_->ssl.get())) {
  BIO* const bio = BIO_new(memory());
  if (!ssl_ || !bio) {
    BIO_free(bio);
    throw Error(Code::exhausted, "cannot begin a session of TLS: " + openssl_words());
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), &verdict_);
  SSL_set_verify(ssl_.get(), SSL_CTX_get_verify_mode(context_->ssl.get()), verify);
  if (side == Side::server) {
    SSL_set_accept_state(ssl_.get());
    return;
  }
  SSL_set_connect_state(ssl_.get());
  X509_VERIFY_PARAM* const param = SSL_get0_param(ssl_.get());
  X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_ip_asc(param, host.c_str()) != 1) {
    // Without a name to check, any would do.
    if (host.empty() || X509_VERIFY_PARAM_set1_host(param, host.data(), host.size()) != 1 ||
        SSL_set_tlsext_host_name(ssl_.get(), host.c_str()) != 1)
      throw Error(Code::invalid_argument, "'" + host + "' is no host that a certificate is for");
  }
  shake_hands();
}

const BIO_METHOD* Session::memory() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "bytes");
    BIO_meth_set_read(made, read);
    BIO_meth_set_write(made, write);
    BIO_meth_set_ctrl(
        made, [](BIO*, int what, long, void*) -> long { return what == BIO_CTRL_FLUSH ? 1 : 0; });
    return made;
  }();
  return method;
}

int Session::read(BIO* bio, char* into, int size) {
  auto& self = *static_cast<Session*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (self.incoming_.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const std::size_t part = std::min(self.incoming_.size(), static_cast<std::size_t>(size));
  self.incoming_.copy(into, part);
  self.incoming_.remove_prefix(part);
  return static_cast<int>(part);
}

int Session::write(BIO* bio, const char* from, int size) {
  auto& self = *static_cast<Session*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (self.outgoing_.empty()) self.outgoing_.swap(spare());
  self.outgoing_.append(from, static_cast<std::size_t>(size));
  return size;
}

void Session::sent(std::size_t bytes) {
  sent_ += bytes;
  if (sent_ < outgoing_.size()) return;
  sent_ = 0;
  outgoing_.clear();
  if (outgoing_.capacity() > spare().capacity()) outgoing_.swap(spare());
  std::string().swap(outgoing_);
}

int Session::verify(int good, X509_STORE_CTX* at) {
  const auto* ssl =
      static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(at, SSL_get_ex_data_X509_STORE_CTX_idx()));
  return judge(good == 1, at, *static_cast<Verdict*>(SSL_get_app_data(ssl))) ? 1 : 0;
}

void Session::receive(std::string_view cipher, std::string& plain) {
  if (!begun_ && !cipher.empty() && !is_tls(cipher)) return;
  incoming_ = cipher;
  if (state_ == State::handshaking) shake_hands();
  if (state_ == State::up) decrypt(plain);
  incoming_ = {};
}

// By the first byte: OpenSSL's own words for it differ from version to version.
bool Session::is_tls(std::string_view cipher) {
  begun_ = true;
  if (cipher.front() == kHandshake || (side_ == Side::client && cipher.front() == kAlert))
    return true;
  fail(Fault::Kind::no_tls,
       cipher.front() == '\0' ? "it speaks SP, and no TLS: it means tcp://" : "it speaks no TLS");
  return false;
}

void Session::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1) return note(result);
  state_ = State::up;
  if (side_ == Side::client) return;
  const Owned<X509> certificate(SSL_get1_peer_certificate(ssl_.get()));
  if (!certificate) return;
  peer_name_ = name_of(certificate.get()).name;
  expires_ = first_expiry(SSL_get0_verified_chain(ssl_.get())).at;
}

void Session::decrypt(std::string& plain) {
  thread_local std::array<char, kRecord> bytes;
  for (;;) {
    std::size_t size = 0;
    ERR_clear_error();
    const int result = SSL_read_ex(ssl_.get(), bytes.data(), bytes.size(), &size);
    if (result != 1) return note(result);
    plain.append(bytes.data(), size);
  }
}

void Session::send(std::string_view plain) {
  std::size_t size = 0;
  if (state_ != State::up || plain.empty()) return;
  ERR_clear_error();
  const int result = SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &size);
  if (result != 1) note(result);
}

void Session::end() {
  if (state_ != State::up && state_ != State::ended) return;
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

void Session::note(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return;
    case SSL_ERROR_ZERO_RETURN:
      state_ = State::ended;
      return;
    default:
      const Fault fault = fault_of(ERR_peek_error());
      fail(fault.kind, fault.words);
      ERR_clear_error();
  }
}

void Session::fail(Fault::Kind kind, std::string words) {
  state_ = State::failed;
  fault_ = {kind, std::move(words)};
}

Fault Session::fault_of(unsigned long error) const {
  using Kind = Fault::Kind;
  if (!verdict_.fault.empty())
    return {verdict_.unknown_authority ? Kind::unknown_authority : Kind::bad_certificate,
            verdict_.fault};
  const int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  if (reason >= SSL_AD_REASON_OFFSET)
    return {Kind::refused, words_of_alert(reason - SSL_AD_REASON_OFFSET)};
  if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
    return {Kind::bad_certificate, "it has no certificate"};
  const char* words = ERR_reason_error_string(error);
  return {Kind::broken,
          std::string("its TLS is not what we speak: ") + (words ? words : "unknown error")};
}

Records::~Records() {
  session_.send(record());
  record().clear();
}

void Records::add(std::string_view part) {
  std::string& begun = record();
  while (!part.empty()) {
    if (begun.empty() && part.size() >= kRecord) {
      const std::size_t whole = part.size() - part.size() % kRecord;
      session_.send(part.substr(0, whole));
      part.remove_prefix(whole);
      continue;
    }
    const std::size_t size = std::min(kRecord - begun.size(), part.size());
    begun.append(part.substr(0, size));
    part.remove_prefix(size);
    if (begun.size() < kRecord) return;
    session_.send(begun);
    begun.clear();
  }
}

}  // namespace domed::tls

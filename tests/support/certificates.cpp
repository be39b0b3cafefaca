#include "certificates.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdio>
#include <ctime>
#include <stdexcept>

namespace domed::test {
namespace {

using tls::Owned;

std::atomic<int> serial = 1;

void must(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string(what) + ": " + tls::openssl_words());
}

Owned<EVP_PKEY> new_key() {
  Owned<EVP_PKEY> key(EVP_EC_gen("P-256"));
  must(key != nullptr, "cannot make a key");
  return key;
}

void set(ASN1_TIME* time, int days) {
  must(X509_time_adj_ex(time, days, 0, nullptr) != nullptr, "cannot tell the time");
}

void extend(X509* certificate, X509* issuer, int kind, const std::string& value) {
  if (value.empty()) return;
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_nconf_nid(nullptr, &context, kind, value.c_str());
  must(extension && X509_add_ext(certificate, extension, -1) == 1, value.c_str());
  X509_EXTENSION_free(extension);
}

template <class Write>
void write_file(const std::string& path, const char* mode, const Write& write) {
  std::FILE* file = std::fopen(path.c_str(), mode);
  must(file && write(file) == 1 && std::fclose(file) == 0, path.c_str());
}

void write_certificate(const std::string& path, const char* mode, const X509* certificate) {
  write_file(path, mode,
             [&](std::FILE* file) { return PEM_write_X509(file, const_cast<X509*>(certificate)); });
}

// "issuer" null: itself.
Owned<X509> make(const Wanted& wanted, EVP_PKEY* key, bool authority, X509* issuer,
                 EVP_PKEY* signer) {
  Owned<X509> made(X509_new());
  X509* const certificate = made.get();
  if (!issuer) issuer = certificate;
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
  set(X509_getm_notBefore(certificate), wanted.from);
  set(X509_getm_notAfter(certificate), wanted.to);
  X509_set_pubkey(certificate, key);
  if (!wanted.common_name.empty())
    must(X509_NAME_add_entry_by_txt(
             X509_get_subject_name(certificate), "CN", MBSTRING_UTF8,
             reinterpret_cast<const unsigned char*>(wanted.common_name.data()),
             static_cast<int>(wanted.common_name.size()), -1, 0) == 1,
         "cannot name it");
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  extend(certificate, issuer, NID_basic_constraints,
         authority ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (authority) extend(certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
  extend(certificate, issuer, NID_subject_key_identifier, "hash");
  if (issuer != certificate) extend(certificate, issuer, NID_authority_key_identifier, "keyid");
  extend(certificate, issuer, NID_ext_key_usage, wanted.usage);
  extend(certificate, issuer, NID_subject_alt_name, wanted.names);
  must(X509_sign(certificate, signer, EVP_sha256()) > 0, "cannot sign");
  return made;
}

void write_key(const std::string& path, EVP_PKEY* key) {
  write_file(path, "w", [&](std::FILE* file) {
    ::chmod(path.c_str(), 0600);
    return PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

}  // namespace

Authority::Authority(std::string directory, const std::string& name, int to)
    : directory_(std::move(directory)), key_(new_key()), file_(path(name + ".pem")) {
  certificate_ = make({name, "", "", -1, to}, key_.get(), true, nullptr, key_.get());
  write_certificate(file_, "w", certificate_.get());
}

Authority::Authority(const Authority& above, const std::string& name)
    : directory_(above.directory_), key_(new_key()), file_(path(name + ".pem")), is_root_(false) {
  certificate_ =
      make({name, "", "", -1, 90}, key_.get(), true, above.certificate_.get(), above.key_.get());
  write_certificate(file_, "w", certificate_.get());
}

Shown Authority::issue(const Wanted& wanted) const {
  const std::string name = std::to_string(serial);
  const Shown shown{path(name + ".pem"), path(name + ".key")};
  const auto key = new_key();
  const auto made = make(wanted, key.get(), false, certificate_.get(), key_.get());
  write_certificate(shown.cert, "w", made.get());
  if (!is_root_) write_certificate(shown.cert, "a", certificate_.get());
  write_key(shown.key, key.get());
  return shown;
}

void Authority::revoke(const Shown& shown) {
  std::FILE* file = std::fopen(shown.cert.c_str(), "r");
  must(file != nullptr, shown.cert.c_str());
  revoked_.emplace_back(PEM_read_X509(file, nullptr, nullptr, nullptr));
  std::fclose(file);
}

std::string Authority::write_list(int from, int to) const {
  const Owned<X509_CRL> list(X509_CRL_new());
  X509_CRL_set_version(list.get(), 1);
  X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(certificate_.get()));
  const auto at = [](int days) {
    ASN1_TIME* time = ASN1_TIME_new();
    set(time, days);
    return time;
  };
  ASN1_TIME* const last = at(from);
  ASN1_TIME* const next = at(to);
  X509_CRL_set1_lastUpdate(list.get(), last);
  X509_CRL_set1_nextUpdate(list.get(), next);
  for (const auto& certificate : revoked_) {
    X509_REVOKED* const entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(certificate.get()));
    X509_REVOKED_set_revocationDate(entry, last);
    X509_CRL_add0_revoked(list.get(), entry);
  }
  ASN1_TIME_free(last);
  ASN1_TIME_free(next);
  must(X509_CRL_sign(list.get(), key_.get(), EVP_sha256()) > 0, "cannot sign a list");
  const std::string file = file_ + ".crl";
  write_file(file, "w", [&](std::FILE* out) { return PEM_write_X509_CRL(out, list.get()); });
  return file;
}

Shown self_signed(const std::string& directory, const Wanted& wanted) {
  const std::string name = directory + "/" + std::to_string(serial);
  const auto key = new_key();
  write_certificate(name + ".pem", "w", make(wanted, key.get(), false, nullptr, key.get()).get());
  write_key(name + ".key", key.get());
  return {name + ".pem", name + ".key"};
}

}  // namespace domed::test

#include "tls/certificate.h"

#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <string_view>

#include "base/words.h"
#include "system/address.h"

namespace domed::tls {
namespace {

constexpr std::size_t kLongestName = 255;
constexpr std::size_t kMostHosts = 5;  // that are told

std::string text_of(const ASN1_STRING* text) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, text);
  if (size < 0) return std::string(1, '\0');  // which no name may have
  std::string out(reinterpret_cast<const char*>(utf8), static_cast<std::size_t>(size));
  OPENSSL_free(utf8);
  return out;
}

// Its alternative names of one kind, in their order.
std::vector<std::string> names_of(const X509* certificate, int kind) {
  auto* names = static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  std::vector<std::string> out;
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    int found = 0;
    const auto* value = static_cast<const ASN1_STRING*>(
        GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &found));
    if (found != kind) continue;
    if (kind == GEN_IPADD)
      out.push_back(ip_text({reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                             static_cast<std::size_t>(ASN1_STRING_length(value))}));
    else
      out.push_back(text_of(value));
  }
  GENERAL_NAMES_free(names);
  return out;
}

std::vector<std::string> common_names(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  std::vector<std::string> out;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;)
    out.push_back(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at))));
  return out;
}

bool is_plain(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._@:/-").find(c) != std::string_view::npos;
  });
}

}  // namespace

CertificateName name_of(const X509* certificate) {
  std::vector<std::string> names;
  for (const int kind : {GEN_URI, GEN_DNS, GEN_EMAIL})
    if (names.empty()) names = names_of(certificate, kind);
  if (names.empty()) names = common_names(certificate);
  if (names.empty() || names.front().empty())
    return {"", "has no name: no URI, DNS name, e-mail address or common name"};
  const std::string& name = names.front();
  if (!is_plain(name))
    return {"", "has the name " + in_quotes(name) +
                    ", with characters that are not allowed (other than A-Z a-z 0-9 . _ @ : / -)"};
  if (name.size() > kLongestName)
    return {"", "has a name of more than " + std::to_string(kLongestName) + " bytes"};
  return {name, ""};
}

std::string subject_of(const X509* certificate) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return in_quotes({text, static_cast<std::size_t>(size)});
}

std::string hosts_of(const X509* certificate) {
  std::vector<std::string> hosts = names_of(certificate, GEN_DNS);
  for (auto& address : names_of(certificate, GEN_IPADD)) hosts.push_back(std::move(address));
  if (hosts.empty()) hosts = common_names(certificate);
  std::string out;
  for (std::size_t i = 0; i < std::min(hosts.size(), kMostHosts); ++i)
    out += (i == 0 ? "" : ", ") + in_quotes(hosts[i]);
  if (hosts.size() > kMostHosts) out += " and others";
  return hosts.empty() ? "no host" : out;
}

bool is_for_clients(X509* certificate) {
  return (X509_get_extension_flags(certificate) & EXFLAG_XKUSAGE) != 0 &&
         (X509_get_extended_key_usage(certificate) & XKU_SSL_CLIENT) != 0;
}

FirstExpiry first_expiry(const STACK_OF(X509) * chain) {
  FirstExpiry out;
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    X509* const certificate = sk_X509_value(chain, i);
    const auto at = time_of(X509_get0_notAfter(certificate));
    if (at && *at < out.at) out = {*at, certificate};
  }
  return out;
}

std::optional<std::int64_t> time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (!time || ASN1_TIME_to_tm(time, &parts) != 1) return std::nullopt;
  return static_cast<std::int64_t>(timegm(&parts)) * 1'000'000;
}

}  // namespace domed::tls

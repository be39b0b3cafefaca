#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tls/openssl.h"

namespace domed::tls {

// By what name whoever shows a certificate goes.  Either of the two is empty.
struct CertificateName {
  std::string name;
  std::string fault;  // why there is none, to go behind "its certificate"
};
// Its first URI, else its first DNS name, else e-mail address, else its common name; of the
// characters A-Z a-z 0-9 . _ @ : / - alone, so that it can stand anywhere.
CertificateName name_of(const X509* certificate);

// For people: 'CN=ci,O=Example'.  Nothing in it can be taken for anything else in a line of a log.
std::string subject_of(const X509* certificate);

// The hosts that it is for, for people: "a.example, 192.0.2.1".
std::string hosts_of(const X509* certificate);

// Whether its extended key usage names clients, and does not only fail to exclude them.
bool is_for_clients(X509* certificate);

// The certificate of "chain" that expires first, and when (as time_of()); max: none does.
struct FirstExpiry {
  std::int64_t at = INT64_MAX;
  X509* certificate = nullptr;
};
FirstExpiry first_expiry(const STACK_OF(X509) * chain);

// Microseconds since 1970; nullopt: never.
std::optional<std::int64_t> time_of(const ASN1_TIME* time);

}  // namespace domed::tls

#include "tls/verdict.h"

#include "base/words.h"
#include "tls/certificate.h"

namespace domed::tls {
namespace {

std::string store_of(const Trust& trust) {
  return trust.authorities.empty() ? "this system's store" : trust.authorities;
}

bool is_of_unknown_authority(int error) {
  switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return true;
    default:
      return false;
  }
}

// To go behind "its certificate 'CN=x' ".
std::string words_of(int error, X509* certificate, const Verdict& verdict) {
  const Trust& trust = *verdict.trust;
  switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "is not valid yet";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
      return "is signed by itself, and is not in " + store_of(trust);
    case X509_V_ERR_CERT_REVOKED:
      return "is revoked by " + trust.revoked;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "is not signed by the authority that it names";
    case X509_V_ERR_INVALID_PURPOSE:
      return trust.of_clients ? "is not for clients (its extended key usage has no clientAuth)"
                              : "is not for servers (its extended key usage has no serverAuth)";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return "is for " + hosts_of(certificate) + ", not for " + in_quotes(verdict.host);
    case X509_V_ERR_CRL_HAS_EXPIRED:
      return "cannot be checked: " + trust.revoked + " has expired, so that nobody is let in";
    case X509_V_ERR_CRL_NOT_YET_VALID:
      return "cannot be checked: " + trust.revoked + " is not valid yet, so that nobody is let in";
    case X509_V_ERR_UNABLE_TO_GET_CRL:
      return "cannot be checked: " + trust.revoked + " has no list of its authority";
    default:
      if (is_of_unknown_authority(error))
        return "is signed by an authority that is not in " + store_of(trust);
      return std::string("is not taken: ") + X509_verify_cert_error_string(error);
  }
}

}  // namespace

bool judge(bool good, X509_STORE_CTX* at, Verdict& verdict) {
  int error = X509_STORE_CTX_get_error(at);
  int depth = X509_STORE_CTX_get_error_depth(at);
  X509* certificate = X509_STORE_CTX_get_current_cert(at);
  // Authorities may be revoked too, by who has a list; only those of the peers must have one.
  if (error == X509_V_ERR_UNABLE_TO_GET_CRL && depth > 0) {
    X509_STORE_CTX_set_error(at, X509_V_OK);
    return true;
  }
  std::string words;
  if (good) {
    if (depth > 0 || !verdict.trust->of_clients) return true;
    if (!is_for_clients(certificate)) {
      error = X509_V_ERR_INVALID_PURPOSE;
    } else {
      words = name_of(certificate).fault;
      if (words.empty()) return true;
      error = X509_V_ERR_CERT_REJECTED;
    }
    X509_STORE_CTX_set_error(at, error);
  }
  verdict.unknown_authority = is_of_unknown_authority(error);
  // Wherever the chain breaks off, it is the peer's own that is not trusted.
  if (verdict.unknown_authority) certificate = X509_STORE_CTX_get0_cert(at), depth = 0;
  if (words.empty()) words = words_of(error, certificate, verdict);
  verdict.fault =
      std::string(depth == 0 ? "its certificate " : "the authority of its certificate, ") +
      (certificate ? subject_of(certificate) : "''") + (depth == 0 ? " " : ", ") + words;
  return false;
}

}  // namespace domed::tls

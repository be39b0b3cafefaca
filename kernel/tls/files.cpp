#include "tls/files.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include "domed/error.h"
#include "system/named_file.h"

namespace domed::tls {
namespace {

constexpr std::size_t kMostBytes = 64 << 20;  // lists of what is revoked grow long

Owned<BIO> over(const std::string& bytes) {
  return Owned<BIO>(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(Code::invalid_argument, path + " " + why);
}

// All that "read" finds, of which there must be some, up to the end.
template <class T>
std::vector<Owned<T>> read_all(const std::string& path, const char* what,
                               T* (*read)(BIO*, T**, pem_password_cb*, void*)) {
  const std::string bytes = read_named(path, kMostBytes);
  const Owned<BIO> bio = over(bytes);
  std::vector<Owned<T>> found;
  ERR_clear_error();
  while (T* one = read(bio.get(), nullptr, nullptr, nullptr)) found.emplace_back(one);
  const bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (!at_end) refuse(path, std::string("holds a damaged ") + what + ": " + openssl_words());
  ERR_clear_error();
  if (found.empty())
    refuse(path, std::string("holds no ") + what + " in PEM (-----BEGIN ...): name one that does");
  return found;
}

}  // namespace

std::string openssl_words() {
  const auto error = ERR_get_error();
  ERR_clear_error();
  const char* words = error == 0 ? nullptr : ERR_reason_error_string(error);
  return words ? words : "unknown error";
}

std::vector<Owned<X509>> read_certificates(const std::string& path) {
  return read_all<X509>(path, "certificate", PEM_read_bio_X509);
}

std::vector<Owned<X509_CRL>> read_crls(const std::string& path) {
  return read_all<X509_CRL>(path, "list of revoked certificates", PEM_read_bio_X509_CRL);
}

Owned<EVP_PKEY> read_key(const std::string& path) {
  const std::string bytes = read_secret(path);
  bool locked = false;
  // OpenSSL's own would ask for it at the terminal.
  const auto no_passphrase = [](char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
  };
  Owned<EVP_PKEY> key(PEM_read_bio_PrivateKey(over(bytes).get(), nullptr, no_passphrase, &locked));
  ERR_clear_error();
  if (locked)
    refuse(path, "is locked by a passphrase: write the key without one, for this user only");
  if (!key) refuse(path, "holds no private key in PEM (-----BEGIN ...): name one that does");
  return key;
}

}  // namespace domed::tls

#pragma once

#include <string>
#include <vector>

#include "tls/openssl.h"

namespace domed::tls {

// What files in PEM hold, at least one of it.  They throw Error that names the file, the cause and
// what to do.
std::vector<Owned<X509>> read_certificates(const std::string& path);
std::vector<Owned<X509_CRL>> read_crls(const std::string& path);
// Refused where others than the file's owner and its group may read it.
Owned<EVP_PKEY> read_key(const std::string& path);

}  // namespace domed::tls

#pragma once

#include <httplib.h>

#include <cstdint>
#include <string>

#include "tls/openssl.h"

namespace domed::console {

// What serves TLS.  "client_ca": the authorities of browsers' certificates, which a browser may
// show, and need not; empty: none is asked for.  Throws Error that names the file, the cause and
// what to do.
tls::Owned<SSL_CTX> make_tls(const std::string& cert, const std::string& key,
                             const std::string& client_ca);

// The certificate that a browser showed when it connected.
struct BrowserCertificate {
  std::string name;  // as daemons read it (tls/certificate.h); "": it showed none that is good
  // When it or the first of its authorities expires, which a connection may well see: microseconds
  // since 1970.
  std::int64_t until = INT64_MAX;
};
BrowserCertificate certificate_of(const httplib::Request& request);

}  // namespace domed::console

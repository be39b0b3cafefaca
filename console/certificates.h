#pragma once

#include <httplib.h>

#include <memory>
#include <string>

namespace domed::console {

// A server over TLS.  "client_ca": the authorities of browsers' certificates, which a browser may
// show, and need not; empty: none is asked for.  Throws Error that names the file, the cause and
// what to do.
std::unique_ptr<httplib::Server> make_tls_server(const std::string& cert, const std::string& key,
                                                 const std::string& client_ca);

// The name in the certificate that a browser showed, as daemons read it (tls/certificate.h); "":
// it showed none that is good.
std::string certificate_name(const httplib::Request& request);

}  // namespace domed::console

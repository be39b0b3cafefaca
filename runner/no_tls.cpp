#include "client/secure_stream.h"
#include "domed/error.h"

namespace domed {

// The daemon of this runner is alone, and on its own machine; and a runner is started for each job,
// so that what it loads counts.
std::unique_ptr<SecureStream> make_secure_stream(const tls::ClientFiles&, const std::string& host) {
  throw Error(Code::unsupported, "the runner speaks no TLS, and cannot reach " + host);
}

}  // namespace domed

#include "protocol/endpoint.h"

#include <unistd.h>

#include <cstdlib>

namespace domed {

std::string control_endpoint(const std::string& given) {
  if (!given.empty()) return given;
  if (const char* set = std::getenv("DOMED_ENDPOINT"); set && *set) return set;
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const std::string base = runtime && *runtime ? runtime : "/tmp/domed-" + std::to_string(getuid());
  return "ipc://" + base + "/domed/control.ipc";
}

std::string url_scheme(const std::string& url) {
  const auto colon = url.find("://");
  return colon == std::string::npos ? "" : url.substr(0, colon);
}

}  // namespace domed

#pragma once

#include <string>

namespace domed {

// Where clients look for a daemon: "given" (from --endpoint) if not empty, then
// DOMED_ENDPOINT, then the default deployment's control socket.  Throws Error where the
// environment does not say where that is.
std::string control_endpoint(const std::string& given);

// "scheme" of an URL such as "ipc://...": "ipc"; empty where there is none.
std::string url_scheme(const std::string& url);

}  // namespace domed

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace domed {

// Where clients look for a daemon: "given" (from --endpoint) if not empty, then
// DOMED_ENDPOINT, then the default deployment's control socket.  Throws Error where the
// environment does not say where that is.  Several URLs may stand there, see endpoints_of().
std::string control_endpoint(const std::string& given);

// "URL,URL": each of them, to be tried in this order.  A comma that no scheme follows is part of
// its URL, as in the path of a socket.
std::vector<std::string> endpoints_of(std::string_view text);

// "scheme" of an URL such as "ipc://...": "ipc"; empty where there is none.
std::string url_scheme(const std::string& url);

// "ipc:///x/control.ipc": "/x/control.ipc"; nullopt: another transport.
std::optional<std::string> ipc_path_of(const std::string& url);

// "url" of a daemon, as it is for who reached that daemon at "endpoint": where its host is every
// address of the daemon's machine (0.0.0.0, [::]), the host of "endpoint" stands there instead.
std::string reachable_url(const std::string& url, const std::string& endpoint);

// The file that a daemon locks before it makes its socket "ipc_path", and until it ends.
std::string lock_beside(const std::string& ipc_path);

}  // namespace domed

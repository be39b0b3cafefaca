#include "protocol/endpoint.h"

#include <algorithm>
#include <cstdlib>

#include "domed/error.h"

namespace domed {
namespace {

// As the default deployment has it.
std::string runtime_dir() {
  if (const char* set = std::getenv("XDG_RUNTIME_DIR"); set && *set) {
    // A relative one would name another socket in each directory where a client is started.
    if (*set == '/') return set;
    throw Error(Code::invalid_argument, std::string("XDG_RUNTIME_DIR is no absolute path but '") +
                                            set +
                                            "': unset it, or name the daemon with "
                                            "--endpoint or DOMED_ENDPOINT");
  }
  // Never /tmp: whoever makes the directory first would be the daemon to everybody else.
  if (const char* home = std::getenv("HOME"); home && *home == '/')
    return home + std::string("/.local/state/domed/run");
  throw Error(Code::invalid_argument,
              "neither XDG_RUNTIME_DIR nor HOME says where the daemon's socket is: name the daemon "
              "with --endpoint or DOMED_ENDPOINT");
}

bool begins_url(std::string_view text) {
  const auto colon = text.find("://");
  return colon != 0 && colon != std::string_view::npos &&
         text.substr(0, colon).find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789+") ==
             std::string_view::npos;
}

// With its brackets; empty where there is none, as over ipc.
std::string_view host_in(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos || url.starts_with("ipc:")) return {};
  const auto place = url.substr(scheme + 3, url.find('/', scheme + 3) - scheme - 3);
  return place.substr(0, std::min(place.rfind(':'), place.size()));
}

}  // namespace

std::string control_endpoint(const std::string& given) {
  if (!given.empty()) return given;
  if (const char* set = std::getenv("DOMED_ENDPOINT"); set && *set) return set;
  return "ipc://" + runtime_dir() + "/domed/control.ipc";
}

std::vector<std::string> endpoints_of(std::string_view text) {
  std::vector<std::string> urls;
  std::size_t begin = 0;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    if (at < text.size() && (text[at] != ',' || !begins_url(text.substr(at + 1)))) continue;
    urls.emplace_back(text.substr(begin, at - begin));
    begin = at + 1;
  }
  return urls;
}

std::string url_scheme(const std::string& url) {
  const auto colon = url.find("://");
  return colon == std::string::npos ? "" : url.substr(0, colon);
}

std::optional<std::string> ipc_path_of(const std::string& url) {
  if (url_scheme(url) != "ipc") return std::nullopt;
  return url.substr(std::string("ipc://").size());
}

std::string reachable_url(const std::string& url, const std::string& endpoint) {
  const auto host = host_in(url), other = host_in(endpoint);
  if (other.empty() || (host != "0.0.0.0" && host != "[::]")) return url;
  return std::string(url).replace(url.find("://") + 3, host.size(), other);
}

std::string lock_beside(const std::string& ipc_path) {
  return ipc_path + ".lock";
}

}  // namespace domed

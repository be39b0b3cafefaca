#include "transport/listen_url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/units.h"
#include "base/words.h"
#include "protocol/endpoint.h"
#include "system/unix_socket.h"

namespace domed {
namespace {

std::string check_ipc(const std::string& path, int shards) {
  if (path.empty() || path[0] != '/') return "an ipc URL needs an absolute path: ipc:///run/...";
  const std::size_t suffix = shards > 1 ? 1 + std::to_string(shards - 1).size() : 0;
  if (path.size() + suffix <= kLongestSocketPath) return "";
  return "its path has " + std::to_string(path.size() + suffix) + " bytes" +
         (suffix ? " (with the shard's suffix)" : "") + ", a socket's may have " +
         std::to_string(kLongestSocketPath) + "; choose a shorter one";
}

std::string check_network(const std::string& scheme, const std::string& url, int shards) {
  const auto authority = host_port(url);
  if (!authority)
    return "expected " + scheme + "://HOST:PORT, as in " + scheme + "://127.0.0.1:7450";
  if (!is_tls(url) && !is_loopback(authority->host))
    return in_quotes(authority->host) + " is beyond loopback, which needs " +
           (is_web(url) ? "wss" : "tls+tcp") + "; use that, or 127.0.0.1, [::1] or localhost";
  const auto port = parse_integer(authority->port);
  const int top = 65536 - shards;
  if (!port || *port < 0 || *port > top)
    return "the port must be from 0 (a free one) to " + std::to_string(top) +
           (shards > 1 ? " (each shard takes the next one)" : "");
  if (!is_web(url) && !authority->path.empty()) return "a " + scheme + " URL has no path";
  return "";
}

}  // namespace

std::optional<HostPort> host_port(const std::string& url) {
  const std::size_t begin = url.find("://");
  if (begin == std::string::npos) return std::nullopt;
  std::string_view rest = std::string_view(url).substr(begin + 3);
  HostPort out;
  const std::size_t slash = std::min(rest.find('/'), rest.size());
  out.path = rest.substr(slash);
  rest = rest.substr(0, slash);
  const std::size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  out.host = rest.substr(0, colon);
  out.port = rest.substr(colon + 1);
  if (out.host.size() > 2 && out.host.front() == '[' && out.host.back() == ']')
    out.host = out.host.substr(1, out.host.size() - 2);
  return out;
}

bool is_web(const std::string& url) {
  return url_scheme(url) == "ws" || url_scheme(url) == "wss";
}

bool is_tls(const std::string& url) {
  return url_scheme(url) == "tls+tcp" || url_scheme(url) == "wss";
}

bool is_loopback(const std::string& host) {
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  in6_addr v6{};
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) return IN6_IS_ADDR_LOOPBACK(&v6);
  // As text: to ask a name server would make the answer of a check depend on the network.
  return host == "localhost";
}

std::string check_listen_url(const std::string& url, int shards) {
  const std::string scheme = url_scheme(url);
  const std::string rest = scheme.empty() ? "" : url.substr(scheme.size() + 3);
  std::string problem;
  if (scheme == "ipc")
    problem = check_ipc(rest, shards);
  else if (scheme == "tcp" || is_web(url) || is_tls(url))
    problem = check_network(scheme, url, shards);
  else
    problem = "a listener's URL begins with ipc://, tcp://, ws://, tls+tcp:// or wss://";
  return problem.empty() ? "" : "cannot listen at " + in_quotes(url) + ": " + problem;
}

std::vector<std::string> listen_places(const std::string& url, int shards) {
  std::vector<std::string> out{url};
  const std::string scheme = url_scheme(url);
  if (scheme == "ipc") {
    for (int shard = 1; shard < shards; ++shard) out.push_back(url + "." + std::to_string(shard));
    return out;
  }
  const auto authority = host_port(url);
  const int port = std::stoi(authority->port);
  // The system gives a free one to each, which nobody else has.
  if (port == 0) return {};
  const std::string base =
      url.substr(0, url.size() - authority->path.size() - authority->port.size());
  for (int shard = 1; shard < shards; ++shard)
    out.push_back(base + std::to_string(port + shard) + authority->path);
  return out;
}

}  // namespace domed

#include "transport/place.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>

#include "base/units.h"
#include "domed/error.h"
#include "protocol/endpoint.h"
#include "tls/server_context.h"
#include "transport/listen_url.h"

namespace domed {
namespace {

constexpr std::size_t kMostPipes = 16384;
// For the store, pipes of runs, /proc: a flood of connections must not keep a job from being
// started.
constexpr std::size_t kSpareDescriptors = 256;

HostPort must_have_host(const std::string& url) {
  const auto found = host_port(url);
  if (!found)
    throw Error(Code::invalid_argument,
                url + " is not an URL: write ipc:///PATH or tcp://127.0.0.1:PORT");
  return *found;
}

}  // namespace

Place::Place(std::string at)
    : url(std::move(at)), access(Access::unrestricted(url_scheme(url) == "ipc")) {}

Engine engine_of(const std::string& url, const ListenOptions& options) {
  return is_tls(url) ? Engine::native : options.engine;
}

std::vector<Share> shares_of(const std::vector<Place>& places, const ListenOptions& options) {
  std::vector<Share> shares{{Engine::native, {}}, {Engine::native, {}}, {Engine::nng, {}}};
  for (const Place& place : places) {
    const bool nng = engine_of(place.url, options) == Engine::nng;
    shares[nng ? 2 : is_tls(place.url) ? 1 : 0].places.push_back(place);
  }
  std::erase_if(shares, [](const Share& share) { return share.places.empty(); });
  return shares;
}

void check_network_place(const Place& place) {
  const std::string& url = place.url;
  const std::string scheme = url_scheme(url);
  const HostPort address = must_have_host(url);
  if (is_tls(url)) {
    if (!place.tls)
      throw Error(Code::invalid_argument, url + " needs a certificate and its key: configure both");
    return;
  }
  if (scheme != "tcp" && scheme != "ws")
    throw Error(Code::invalid_argument,
                url + " has no known transport: use ipc, tcp, ws, tls+tcp or wss");
  if (!is_loopback(address.host))
    throw Error(Code::invalid_argument,
                url +
                    " is open to other machines without any protection: use 127.0.0.1, or "
                    "tls+tcp or wss");
}

std::string with_port(const std::string& url, int port) {
  const auto begin = url.rfind(':') + 1;
  const auto end = url.find('/', begin);
  return url.substr(0, begin) + std::to_string(port) +
         (end == std::string::npos ? "" : url.substr(end));
}

std::string shard_url(const std::string& url, std::size_t n) {
  if (n == 0) return url;
  if (url_scheme(url) == "ipc") return url + "." + std::to_string(n);
  const auto port = parse_integer(must_have_host(url).port);
  if (!port)
    throw Error(Code::invalid_argument, url + " has no port number: write one after the host");
  if (*port == 0) return url;
  const auto shifted = static_cast<std::size_t>(*port) + n;
  if (shifted > 65535)
    throw Error(Code::invalid_argument, url + " has no port for shard " + std::to_string(n) +
                                            ": configure a lower port or fewer shards");
  return with_port(url, static_cast<int>(shifted));
}

Place shard_of(Place place, std::size_t n) {
  place.url = shard_url(place.url, n);
  return place;
}

std::size_t raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const auto before = static_cast<std::size_t>(limit.rlim_cur);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    spdlog::warn("cannot raise the limit on open descriptors");
  return before;
}

std::size_t pipe_bound(std::size_t sockets) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const auto all = static_cast<std::size_t>(limit.rlim_cur);
  const std::size_t usable = all > 2 * kSpareDescriptors ? all - kSpareDescriptors : all / 2;
  return std::clamp<std::size_t>(usable / std::max<std::size_t>(sockets, 1), 1, kMostPipes);
}

}  // namespace domed

#include "transport/nng/endpoints.h"

#include <nng/supplemental/tls/tls.h>
#include <nng/transport/ipc/ipc.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <thread>

#include "domed/error.h"
#include "protocol/endpoint.h"
#include "transport/listen_url.h"
#include "transport/nng/socket.h"

namespace domed {
namespace {

// Listeners that went deaf and whose connections still serve.  A bound, for each keeps a
// descriptor, and what makes them deaf may come again and again.
constexpr std::size_t kMostRetired = 4;
constexpr std::size_t kMostPipes = 4096;
// For the store, pipes of runs, /proc: a flood of connections must not keep a job from being
// started.
constexpr std::size_t kSpareDescriptors = 256;

std::string path_of(const std::string& url) {
  return url_scheme(url) == "ipc" ? url.substr(std::string("ipc://").size()) : "";
}

struct HostPort {
  std::string host;
  std::string port;
};

HostPort host_port(const std::string& url) {
  nng_url* parsed = nullptr;
  if (nng_url_parse(&parsed, url.c_str()) != 0)
    throw Error(Code::invalid_argument,
                url + " is not an URL: write ipc:///PATH or tcp://127.0.0.1:PORT");
  HostPort result{parsed->u_hostname, parsed->u_port};
  nng_url_free(parsed);
  return result;
}

void check_network(const std::string& url, const ListenOptions& options) {
  const std::string scheme = url_scheme(url);
  const HostPort address = host_port(url);
  if (scheme == "tls+tcp") {
    if (options.certificate.empty() || options.authority.empty())
      throw Error(Code::invalid_argument,
                  url +
                      " needs a certificate and the authority of client certificates: "
                      "configure both");
    return;
  }
  if (scheme != "tcp" && scheme != "ws")
    throw Error(Code::invalid_argument,
                url + " has no known transport: use ipc, tcp, tls+tcp or ws");
  if (!is_loopback(address.host))
    throw Error(Code::invalid_argument,
                url +
                    " is open to other machines without any protection: use 127.0.0.1, or "
                    "tls+tcp with client certificates");
}

void close_listener(nng_listener listener) {
  if (nng_listener_id(listener) > 0) nng_listener_close(listener);
}

// Replaces the port of an URL that ends in one, or has a path behind it.
std::string with_port(const std::string& url, int port) {
  const auto begin = url.rfind(':') + 1;
  const auto end = url.find('/', begin);
  return url.substr(0, begin) + std::to_string(port) +
         (end == std::string::npos ? "" : url.substr(end));
}

int port_number(const std::string& url) {
  const std::string text = host_port(url).port;
  int port = -1;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failure != std::errc{} || end != text.data() + text.size())
    throw Error(Code::invalid_argument, url + " has no port number: write one after the host");
  return port;
}

[[noreturn]] void refuse_listening(const std::string& url, int result) {
  if (result == NNG_EADDRINUSE)
    throw Error(Code::conflict, url +
                                    " is in use by another program: stop it or configure "
                                    "another address");
  throw Error(Code::io, "cannot listen on " + url + ": " + nng_strerror(result) +
                            ": check the address and its permissions");
}

}  // namespace

Endpoint::Endpoint(nng_socket socket, PipeGate& gate, Place place, const ListenOptions& options)
    : socket_(socket),
      gate_(gate),
      options_(options),
      path_(path_of(place.url)),
      origins_(std::move(place.origins)),
      url_(std::move(place.url)),
      file_(path_) {
  if (url_scheme(url_) != "ipc") {
    check_network(url_, options_);
    return;
  }
  if (!options_.group.empty()) group_ = group_id(options_.group);
  take_place();
  remove_stale_socket(path_);
}

void Endpoint::take_place() {
  if (!lock_.in_place()) lock_ = claim_ipc_path(path_, group_);
}

Endpoint::~Endpoint() {
  close_all();
}

void Endpoint::close_all() {
  for (const nng_listener listener : retired_) close_listener(listener);
  retired_.clear();
  close_listener(std::exchange(listener_, NNG_LISTENER_INITIALIZER));
}

void Endpoint::configure_tls(nng_listener listener) const {
  const auto set = [&](const char* option, const std::string& file) {
    check_nng(nng_listener_set_string(listener, option, file.c_str()), "cannot use " + file);
  };
  set(NNG_OPT_TLS_CERT_KEY_FILE, options_.certificate);
  set(NNG_OPT_TLS_CA_FILE, options_.authority);
  check_nng(nng_listener_set_int(listener, NNG_OPT_TLS_AUTH_MODE, NNG_TLS_AUTH_MODE_REQUIRED),
            "cannot require client certificates");
}

// A group gets its access afterwards: until then nobody else may connect.
void Endpoint::configure(nng_listener listener) const {
  if (!path_.empty())
    check_nng(nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0600),
              "cannot protect " + url_);
  if (url_scheme(url_) == "tls+tcp") configure_tls(listener);
}

void Endpoint::start_listener() {
  nng_listener listener = NNG_LISTENER_INITIALIZER;
  if (const int result = nng_listener_create(&listener, socket_, url_.c_str()); result != 0)
    refuse_listening(url_, result);
  // Before it listens: a page that was quicker would be asked nothing.
  if (url_scheme(url_) == "ws") gate_.expect_origins(nng_listener_id(listener), origins_);
  try {
    configure(listener);
    if (const int result = nng_listener_start(listener, 0); result != 0)
      refuse_listening(url_, result);
    if (!path_.empty()) {
      set_ipc_access(path_, group_);
      file_.remember();
    }
  } catch (...) {
    nng_listener_close(listener);
    throw;
  }
  listener_ = listener;
}

void Endpoint::note_bound_port() {
  int port = 0;
  if (nng_listener_get_int(listener_, NNG_OPT_TCP_BOUND_PORT, &port) == 0)
    url_ = with_port(url_, port);
}

void Endpoint::listen() {
  const std::lock_guard lock(mutex_);
  start_listener();
  note_bound_port();
}

bool Endpoint::in_place() const {
  const std::lock_guard lock(mutex_);
  return path_.empty() || (lock_.in_place() && file_.in_place());
}

// The place first: what another has by now stays theirs.  Over tcp the dead listener
// has to go before its port is free, which takes it a moment; over ipc a new one
// beside it spares the connections.
void Endpoint::relisten() {
  const std::lock_guard lock(mutex_);
  if (!path_.empty()) {
    take_place();
    remove_stale_socket(path_, file_.identity());
  }
  const bool beside = !path_.empty() && retired_.size() < kMostRetired;
  if (!beside)
    close_all();
  else if (nng_listener_id(listener_) > 0)
    retired_.push_back(std::exchange(listener_, NNG_LISTENER_INITIALIZER));
  for (int attempt = 0;; ++attempt) try {
      return start_listener();
    } catch (const Error& failure) {
      if (failure.code() != Code::conflict || attempt == 10) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

std::string Endpoint::url() const {
  const std::lock_guard lock(mutex_);
  return url_;
}

std::uint64_t Endpoint::arrivals() const {
  const std::lock_guard lock(mutex_);
  return gate_.arrivals(nng_listener_id(listener_));
}

std::string shard_url(const std::string& url, std::size_t n) {
  if (n == 0) return url;
  if (url_scheme(url) == "ipc") return url + "." + std::to_string(n);
  const int port = port_number(url);
  if (port == 0) return url;
  const auto shifted = static_cast<std::size_t>(port) + n;
  if (shifted > 65535)
    throw Error(Code::invalid_argument, url + " has no port for shard " + std::to_string(n) +
                                            ": configure a lower port or fewer shards");
  return with_port(url, static_cast<int>(shifted));
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

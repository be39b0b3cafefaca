#include "probes/probes.h"

#include <arpa/inet.h>
#include <httplib.h>
#include <sys/socket.h>

#include <atomic>
#include <charconv>
#include <cstring>
#include <optional>
#include <thread>

#include "domed/error.h"

namespace domed {
namespace {

constexpr std::size_t kProbeThreads = 2;
constexpr time_t kSlowest = 2;  // seconds for a request, and for taking an answer

struct Place {
  std::string host;  // an address, without brackets
  int port = 0;
};

bool is_loopback(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::optional<Place> place_of(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  Place out;
  out.host = address.substr(0, colon);
  const bool six = out.host.starts_with('[') && out.host.ends_with(']');
  if (six) out.host = out.host.substr(1, out.host.size() - 2);
  if (six != (out.host.find(':') != std::string::npos)) return std::nullopt;
  const std::string port = address.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (error != std::errc() || end != port.data() + port.size() || port.empty()) return std::nullopt;
  return out.port >= 0 && out.port <= 65535 ? std::optional(out) : std::nullopt;
}

// A name that only the asker's machine could have made ours is how a foreign page would get here.
bool is_ours(std::string host) {
  const auto colon = host.rfind(':');
  if (colon != std::string::npos && host.find(']', colon) == std::string::npos)
    host = host.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host == "localhost" || is_loopback(host);
}

}  // namespace

std::string probes_address_problem(const std::string& address) {
  const auto place = place_of(address);
  if (!place)
    return "must be an address of loopback and a port, such as 127.0.0.1:9464 or [::1]:9464";
  if (!is_loopback(place->host))
    return "must be an address of loopback: who asks shows neither name nor secret; give it to "
           "others by a proxy that asks them";
  return "";
}

struct Probes::Server {
  httplib::Server http;
  Place place;
  std::atomic<bool> over{false};
  std::thread thread;

  void prepare(Answers answers) {
    http.new_task_queue = [] { return new httplib::ThreadPool(kProbeThreads); };
    http.set_read_timeout(kSlowest);
    http.set_write_timeout(kSlowest);
    http.set_keep_alive_max_count(1);  // else who stays keeps a thread
    http.set_payload_max_length(1024);
    // Not the library's own, with which another process could take half of the requests.
    http.set_socket_options([](auto socket) {
      const int yes = 1;
      setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    http.set_pre_routing_handler([](const httplib::Request& request, httplib::Response& response) {
      if (is_ours(request.get_header_value("Host")))
        return httplib::Server::HandlerResponse::Unhandled;
      response.status = 403;
      response.set_content("ask this machine by its own name\n", "text/plain");
      return httplib::Server::HandlerResponse::Handled;
    });
    http.Get("/metrics", [answers](const httplib::Request&, httplib::Response& response) {
      response.set_content(answers.metrics(), "text/plain; version=0.0.4; charset=utf-8");
    });
    http.Get("/healthz", [](const httplib::Request&, httplib::Response& response) {
      response.set_content("ok\n", "text/plain");
    });
    http.Get("/readyz", [answers](const httplib::Request&, httplib::Response& response) {
      const std::string troubles = answers.troubles();
      response.status = troubles.empty() ? 200 : 503;
      response.set_content(troubles.empty() ? "ok\n" : troubles, "text/plain");
    });
  }

  void bind(const std::string& address) {
    const bool bound = place.port == 0 ? (place.port = http.bind_to_any_port(place.host)) > 0
                                       : http.bind_to_port(place.host, place.port);
    if (!bound)
      throw Error(Code::conflict,
                  "metrics.listen: cannot listen at " + address + ": " + std::strerror(errno));
  }
};

Probes::Probes(const std::string& address, Answers answers) : server_(std::make_unique<Server>()) {
  if (const std::string problem = probes_address_problem(address); !problem.empty())
    throw Error(Code::invalid_argument, "metrics.listen " + problem);
  server_->place = *place_of(address);
  server_->prepare(std::move(answers));
  server_->bind(address);
  server_->thread = std::thread([server = server_.get()] {
    server->http.listen_after_bind();
    server->over = true;
  });
  // It can be stopped only once it runs, which is a matter of microseconds.
  while (!server_->http.is_running() && !server_->over) std::this_thread::yield();
}

Probes::~Probes() {
  server_->http.stop();
  if (server_->thread.joinable()) server_->thread.join();
}

std::string Probes::address() const {
  const Place& place = server_->place;
  const bool six = place.host.find(':') != std::string::npos;
  return (six ? "[" + place.host + "]" : place.host) + ":" + std::to_string(place.port);
}

}  // namespace domed

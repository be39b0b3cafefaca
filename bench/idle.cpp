#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include "bench/latency.h"
#include "bench/peer.h"
#include "bench/server.h"
#include "bench/unix.h"
#include "bench/verbs.h"
#include "protocol/endpoint.h"
#include "protocol/sp/framing.h"

namespace domed::bench {
namespace {

// Here and in the daemon, which inherits the limit.
void allow_descriptors(std::uint64_t count) {
  constexpr rlim_t kOthers = 200;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max < count + kOthers)
    throw Skip("a process may have no more than " + std::to_string(limit.rlim_max) +
               " descriptors here (ulimit -Hn)");
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// Clients that have said who they are, and then nothing.
class IdleClients {
 public:
  IdleClients(const std::string& path, std::uint64_t count) try {
    while (sockets_.size() < count) {
      sockets_.push_back(connect_unix(path));
      send_all(sockets_.back(), sp::hello(sp::Role::req));
      char answer[sp::kHelloBytes];
      receive_all(sockets_.back(), answer, sizeof answer);
      if (sp::role_of({answer, sizeof answer}) != sp::Role::rep)
        throw std::runtime_error("not the hello of a REP socket");
    }
  } catch (const std::runtime_error& e) {
    throw std::runtime_error("idle connection " + std::to_string(sockets_.size()) + ": " +
                             e.what());
  }

  // No figure counts where the daemon has ended one.
  void must_be_connected() const {
    const auto ended = std::count_if(sockets_.begin(), sockets_.end(), [](const Fd& socket) {
      char byte;
      return recv(socket.get(), &byte, 1, MSG_DONTWAIT) >= 0 || errno != EAGAIN;
    });
    if (ended > 0)
      throw std::runtime_error("the daemon ended " + std::to_string(ended) + " of " +
                               std::to_string(sockets_.size()) + " idle connections");
  }

 private:
  std::vector<Fd> sockets_;
};

// From nothing to the first answer.
double new_client_us(const Server& server, std::uint64_t times) {
  Latency latency;
  for (std::uint64_t i = 0; i < times; ++i) {
    const double begin = now_us();
    Client(server.endpoint()).call("Health", Json::object());
    latency.add(now_us() - begin);
  }
  return latency.percentile(50);
}

void measure_idle(const Options& options, Report& report) {
  Server server(options);
  const std::uint64_t times = options.scaled(500, 5);
  new_client_us(server, times);  // what a daemon keeps once it has served somebody
  report.add("idle.new.0.p50", "us", new_client_us(server, times));
  const auto before = server.process().rss();
  const IdleClients idle(ipc_path_of(server.endpoint()).value(), options.scaled(10'000, 20));
  idle.must_be_connected();
  const auto with = server.process().rss();
  report.add("idle.memory", "MiB",
             (static_cast<double>(with) - static_cast<double>(before)) / kMiB);
  report.add("idle.new.p50", "us", new_client_us(server, times));
  idle.must_be_connected();
}

}  // namespace

void run_idle(const Options& options, Report& report) {
  allow_descriptors(options.scaled(10'000, 20));
  for (int i = 0; i < options.repeats; ++i) measure_idle(options, report);
  report.at_most("idle.memory", 64, "64 MiB beyond the idle daemon");
  report.at_most("idle.new.p50", 1.2 * report.median("idle.new.0.p50"), "1.2 x idle.new.0.p50");
}

}  // namespace domed::bench

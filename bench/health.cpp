#include <deque>
#include <stdexcept>

#include "bench/floor.h"
#include "bench/latency.h"
#include "bench/load.h"
#include "bench/verbs.h"

namespace domed::bench {
namespace {

void measure_health(const Options& options, std::uint64_t requests, Report& report) {
  Server server(options);
  Client& client = server.client();  // one connection, which Server::start() made
  std::deque<std::shared_ptr<Client::Pending>> under_way;
  const double cpu = server.process().cpu_seconds(), begin = now_us();
  for (std::uint64_t begun = 0, done = 0; done < requests; ++done) {
    for (; begun < requests && under_way.size() < kUnderWay; ++begun)
      under_way.push_back(client.begin("Health", Json::object(), {}));
    if (client.finish(*under_way.front()).find("\"epoch\"") == std::string::npos)
      throw std::runtime_error("an answer to Health that is none");
    under_way.pop_front();
  }
  const double seconds = (now_us() - begin) / 1e6, count = static_cast<double>(requests);
  report.add("health.64", "requests/s", count / seconds);
  report.add("health.64.daemon.cpu", "us/request",
             (server.process().cpu_seconds() - cpu) / count * 1e6);
}

}  // namespace

void run_health(const Options& options, Report& report) {
  for (int i = 0; i < options.repeats; ++i) {
    floor_unix_request(options, report);
    measure_health(options, options.scaled(200'000, 200), report);
  }
  report.at_least("health.64", 150'000, "150,000/s");
}

}  // namespace domed::bench

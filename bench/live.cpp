#include "bench/floor.h"
#include "bench/load.h"
#include "bench/verbs.h"

namespace domed::bench {
namespace {

void measure(const Options& options, Report& report, std::uint64_t followers) {
  Server server(options);
  const auto jobs = submit_all(server.client(), 1, "live-");
  Json produce = produce_params(server, jobs, options.scaled(5000, 20), 1, kText);
  produce["rate"] = 1000;
  const Followed result =
      produce_to_followers(server, jobs, produce, {{"followers", followers}, {"stamped", true}});
  const std::string name = "live." + std::to_string(followers);
  report.add(name + ".p50", "us", result.seen.at("p50"));
  report.add(name + ".p99", "us", result.seen.at("p99"));
}

}  // namespace

void run_live(const Options& options, Report& report) {
  std::string request, publish, single;
  for (int i = 0; i < options.repeats; ++i) {
    request = floor_request(options, report);
    publish = floor_publish(options, report);
    single = floor_sqlite_single(options, report);
    measure(options, report, 1);
    measure(options, report, 64);
  }
  report.at_most("live.1.p50",
                 report.median(request) / 2 + report.median(publish) + report.median(single) + 60,
                 request + "/2 + " + publish + " + " + single + " + 60");
  report.at_most("live.1.p99", 5000, "5 ms");
  report.at_most("live.64.p50", 3000, "3 ms");
}

}  // namespace domed::bench

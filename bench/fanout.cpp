#include "bench/load.h"
#include "bench/verbs.h"

namespace domed::bench {

void run_fanout(const Options& options, Report& report) {
  constexpr std::uint64_t kFollowers = 64, kBatch = 500;
  for (int i = 0; i < options.repeats; ++i) {
    Server server(options);
    const auto jobs = submit_all(server.client(), 1, "fanout-");
    const Json produce = produce_params(server, jobs, options.scaled(200, 2), kBatch, 94);
    const Followed result =
        produce_to_followers(server, jobs, produce, {{"followers", kFollowers}});
    report.add("fanout.64", "deliveries/s",
               result.seen.at("events").get<double>() / result.seconds);
    report.add("fanout.64.cpu", "us/delivery",
               result.cpu_seconds / result.seen.at("events").get<double>() * 1e6);
  }
  report.at_least("fanout.64", 1e6, "1,000,000/s");
}

}  // namespace domed::bench

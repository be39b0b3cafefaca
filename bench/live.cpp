#include "bench/floor.h"
#include "bench/load.h"
#include "bench/peer.h"
#include "bench/verbs.h"

namespace domed::bench {
namespace {

// "roles": who produces and who follows.
void measure_live(const Options& options, Report& report, const std::string& name,
                  std::uint64_t followers, const std::string& roles = "") {
  Server server(options);
  const auto jobs = submit_all(server.client(), 1, "live-");
  Json produce = produce_params(server, jobs, options.scaled(5000, 20), 1, kText);
  produce.update({{"rate", 1000}, {"role", roles + "produce"}});
  const Followed result = produce_to_followers(
      server, jobs, produce,
      {{"followers", followers}, {"stamped", true}, {"role", roles + "follow"}});
  report.add(name + ".p50", "us", result.seen.at("p50"));
  report.add(name + ".p99", "us", result.seen.at("p99"));
  // Who is late sends what is late at once, and its times would be another load's.
  report.add(
      name + ".rate", "events/s",
      result.produced.at("events").get<double>() / result.produced.at("seconds").get<double>());
}

// Clients of nng's own, and floors that are nng's too.
void run_stock(const Options& options, Report& report) {
  for (int i = 0; i < options.repeats; ++i) {
    floor_request(options, report);
    floor_publish(options, report);
    floor_sqlite_single(options, report);
    measure_live(options, report, "live.stock.1", 1, "stock_");
  }
}

void run_ours(const Options& options, Report& report) {
  std::string redis, oneway, single;
  for (int i = 0; i < options.repeats; ++i) {
    floor_request(options, report);
    floor_publish(options, report);
    oneway = floor_unix_oneway(options, report);
    single = floor_sqlite_single(options, report);
    measure_live(options, report, "live.1", 1);
    measure_live(options, report, "live.64", 64);
    if (redis_is_installed()) {
      redis_live(options, report, 1);
      redis = redis_live(options, report, 64);
    }
  }
  report.at_most("live.1.p50", report.median(single) + 2 * report.median(oneway) + 60,
                 single + " + 2 x " + oneway + " + 60");
  report.at_most("live.1.p99", 5000, "5 ms");
  if (redis.empty())
    report.at_most("live.64.p50", 3000, "3 ms; without a redis-server to compare with");
  else
    report.at_most("live.64.p50", 1.2 * report.median(redis), "1.2 x " + redis);
}

}  // namespace

void run_live(const Options& options, Report& report) {
  options.stock ? run_stock(options, report) : run_ours(options, report);
}

}  // namespace domed::bench

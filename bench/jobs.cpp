#include "bench/latency.h"
#include "bench/load.h"
#include "bench/verbs.h"

namespace domed::bench {
namespace {

// CPU of the daemon and the followers for one delivery, 10 events/s in each job.
double cpu_of_live_jobs(const Options& options, Report& report, std::uint64_t count,
                        std::uint64_t events) {
  Server server(options);
  const auto jobs = submit_all(server.client(), count, "live-");
  Json produce = produce_params(server, jobs, events, 1, 94);
  produce.update({{"rate", 10}, {"one_thread", true}});
  const Followed result =
      produce_to_followers(server, jobs, produce, {{"shared", true}, {"stamped", true}});
  const std::string name = "jobs.live." + std::to_string(count);
  const double deliveries = result.seen.at("events");
  report.add(name + ".cpu", "us/delivery", result.cpu_seconds / deliveries * 1e6);
  report.add(name + ".daemon.cpu", "us/delivery", result.daemon_cpu_seconds / deliveries * 1e6);
  report.add(name + ".p50", "us", result.seen.at("p50"));
  return result.cpu_seconds / deliveries * 1e6;
}

// "true", from the first submission to the end of the last follow.
void measure_commands(const Options& options, Report& report) {
  const std::uint64_t count = options.scaled(400, 8);
  Server server(options);
  const double begin = now_us();
  Json ids = Json::array();
  for (std::uint64_t i = 0; i < count; ++i)
    ids.push_back(server.client()
                      .call("SubmitJob", {{"idempotency_key", "true-" + std::to_string(i)},
                                          {"command", {"true"}}})
                      .at("job_id"));
  Worker worker("follow", {{"endpoint", server.endpoint()}, {"jobs", ids}, {"shared", true}});
  worker.await_ready();
  worker.go();
  const Json seen = worker.result();
  report.add("jobs.commands", "jobs/s",
             static_cast<double>(count) / (seen.at("last_us").get<double>() - begin) * 1e6);
}

}  // namespace

void run_jobs(const Options& options, Report& report) {
  const std::uint64_t many = options.scaled(1000, 20);
  for (int i = 0; i < options.repeats; ++i) {
    const std::uint64_t events = options.scaled(100, 5);
    cpu_of_live_jobs(options, report, 10, events);
    cpu_of_live_jobs(options, report, many, events);
    measure_commands(options, report);
  }
  report.at_most("jobs.live." + std::to_string(many) + ".cpu",
                 3 * report.median("jobs.live.10.cpu"), "3 x jobs.live.10.cpu");
  report.at_most("jobs.live." + std::to_string(many) + ".daemon.cpu", 45, "45 us");
  report.at_most("jobs.live." + std::to_string(many) + ".p50", 50'000, "50 ms");
  report.at_least("jobs.commands", 100, "100 jobs/s");
}

}  // namespace domed::bench

#include "bench/batch.h"
#include "bench/floor.h"
#include "bench/load.h"
#include "bench/verbs.h"

namespace domed::bench {
namespace {

constexpr std::uint64_t kProducers = 8;

void measure_pipelined(const Options& options, Report& report) {
  Server server(options);
  const auto jobs = submit_all(server.client(), kProducers, "append-");
  const std::uint64_t batches = options.scaled(300, 2);
  const Json result = produce_all(produce_params(server, jobs, batches, kUsualBatch, kText));
  const double events = result.at("events");
  report.add("append.pipelined", "events/s", events / result.at("seconds").get<double>());
  report.add("append.daemon.cpu", "us/event", server.process().cpu_seconds() / events * 1e6);
  const Json read = read_all(server.endpoint(), ids_of(jobs), result.at("events"));
  server.stop();
  report.add("append.disk", "x bytes",
             static_cast<double>(server.disk_bytes()) / read.at("bytes").get<double>());
}

void measure_singly(const Options& options, Report& report) {
  Server server(options);
  const auto jobs = submit_all(server.client(), 1, "append-");
  Json params = produce_params(server, jobs, options.scaled(3000, 10), 1, kText);
  params["singly"] = true;
  const Json result = produce_all(params);
  report.add("append.single.p50", "us", result.at("p50"));
  report.add("append.single.p99", "us", result.at("p99"));
  read_all(server.endpoint(), ids_of(jobs), result.at("events"));
}

}  // namespace

void run_append(const Options& options, Report& report) {
  std::string batches, single, request;
  for (int i = 0; i < options.repeats; ++i) {
    floor_sqlite_batches(options, report, kProducers);
    batches = floor_sqlite_batches(options, report, 64);
    single = floor_sqlite_single(options, report);
    floor_request(options, report);
    request = floor_unix_request(options, report);
    measure_pipelined(options, report);
    measure_singly(options, report);
  }
  report.at_least("append.pipelined", 1.5 * report.median(batches), "1.5 x " + batches);
  report.at_most("append.single.p50", report.median(single) + report.median(request) + 60,
                 single + " + " + request + " + 60");
  report.at_most("append.disk", 1.3, "1.3 x the canonical event lines");
}

}  // namespace domed::bench

#include "bench/floor.h"

#include "bench/raw.h"
#include "bench/server.h"
#include "bench/verbs.h"

namespace domed::bench {

std::string floor_sqlite_batches(const Options& options, Report& report, std::uint64_t jobs) {
  const Directory directory(options);
  const std::string name = "floor.sqlite.batches." + std::to_string(jobs) + "jobs";
  report.add(name, "events/s", raw_sqlite_batches(directory.path(), jobs, options.scaled(300)));
  return name;
}

std::string floor_sqlite_single(const Options& options, Report& report) {
  const Directory directory(options);
  report.add("floor.sqlite.single.p50", "us",
             raw_sqlite_singles(directory.path(), options.scaled(3000, 10)).percentile(50));
  return "floor.sqlite.single.p50";
}

std::string floor_fdatasync(const Options& options, Report& report) {
  const Directory directory(options);
  report.add("floor.fdatasync.p50", "us",
             raw_fdatasync(directory.path(), options.scaled(3000, 10)).percentile(50));
  return "floor.fdatasync.p50";
}

std::string floor_request(const Options& options, Report& report) {
  const Directory directory(options);
  report.add("floor.nng.request.p50", "us",
             raw_request(directory.path(), options.scaled(10000, 10)).percentile(50));
  return "floor.nng.request.p50";
}

std::string floor_publish(const Options& options, Report& report) {
  const Directory directory(options);
  report.add("floor.nng.publish.p50", "us",
             raw_publish_latency(directory.path(), options.scaled(3000, 10)).percentile(50));
  return "floor.nng.publish.p50";
}

std::string floor_unix_request(const Options& options, Report& report) {
  const Directory directory(options);
  report.add("floor.unix.request.p50", "us",
             raw_unix_request(directory.path(), options.scaled(3000, 10)).percentile(50));
  return "floor.unix.request.p50";
}

std::string floor_unix_oneway(const Options& options, Report& report) {
  const Directory directory(options);
  report.add("floor.unix.oneway.p50", "us",
             raw_unix_oneway(directory.path(), options.scaled(3000, 10)).percentile(50));
  return "floor.unix.oneway.p50";
}

void run_floor(const Options& options, Report& report) {
  for (int i = 0; i < options.repeats; ++i) {
    for (const std::uint64_t jobs : {1, 8, 64}) floor_sqlite_batches(options, report, jobs);
    floor_sqlite_single(options, report);
    floor_fdatasync(options, report);
    floor_request(options, report);
    floor_publish(options, report);
    floor_unix_request(options, report);
    floor_unix_oneway(options, report);
  }
}

}  // namespace domed::bench

#include <stdexcept>
#include <stop_token>
#include <thread>

#include "bench/latency.h"
#include "bench/load.h"
#include "bench/verbs.h"
#include "system/process.h"

namespace domed::bench {
namespace {

std::uint64_t peak_of(pid_t pid) {
  const std::string status = read_if_there("/proc/" + std::to_string(pid) + "/status");
  const std::size_t at = status.find("VmHWM:");
  return at == std::string::npos ? 0 : std::strtoull(status.c_str() + at + 6, nullptr, 10) * 1024;
}

// The most memory that any runner of "daemon" was seen to use.
std::uint64_t watch_runner(const std::stop_token& stop, pid_t daemon) {
  std::uint64_t peak = 0;
  while (!stop.stop_requested()) {
    for (const auto& [pid, stat] : process_snapshot())
      if (stat.ppid == daemon) peak = std::max(peak, peak_of(pid));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return peak;
}

void measure(const Options& options, Report& report) {
  const std::uint64_t lines = options.scaled(1'000'000, 100);
  Server server(options);
  const std::string line(79, 'x');
  std::uint64_t peak = 0;
  std::jthread watch(
      [&](const std::stop_token& stop) { peak = watch_runner(stop, server.process().pid()); });
  const double begin = now_us();
  const Json job = server.client().call(
      "SubmitJob",
      {{"idempotency_key", "output"},
       {"command", {"sh", "-c", "yes " + line + " | head -n " + std::to_string(lines)}}});
  Worker worker("follow",
                {{"endpoint", server.endpoint()}, {"jobs", {job.at("job_id")}}, {"counted", true}});
  worker.await_ready();
  worker.go();
  const Json seen = worker.result();
  watch.request_stop();
  watch.join();
  if (seen.at("lines") != lines)
    throw std::runtime_error("incomplete: " + seen.at("lines").dump() + " lines arrived");
  report.add("output", "lines/s",
             static_cast<double>(lines) / (seen.at("last_us").get<double>() - begin) * 1e6);
  report.add("output.daemon.rss.peak", "MiB",
             static_cast<double>(server.process().peak_rss()) / kMiB);
  report.add("output.runner.rss.peak", "MiB", static_cast<double>(peak) / kMiB);
}

}  // namespace

void run_output(const Options& options, Report& report) {
  for (int i = 0; i < options.repeats; ++i) measure(options, report);
  report.at_least("output", 300'000, "300,000/s");
}

}  // namespace domed::bench

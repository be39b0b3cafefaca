#include "bench/latency.h"
#include "bench/load.h"
#include "bench/verbs.h"

namespace domed::bench {
namespace {

// Appends and pages as they are now, under "name".
void probe(Server& server, const Options& options, Report& report, const std::string& name) {
  for (int i = 0; i < options.repeats; ++i) {
    const auto jobs = submit_all(server.client(), 8, name + std::to_string(i) + "-");
    const Json produced =
        produce_all(produce_params(server, jobs, options.scaled(100, 2), 200, kText));
    report.add("growth.append." + name, "events/s",
               produced.at("events").get<double>() / produced.at("seconds").get<double>());
    Latency latency;
    for (std::uint64_t j = 0; j < options.scaled(500, 20); ++j) {
      const double begin = now_us();
      server.client().call_text("StreamJobEvents",
                                Json{{"job_id", jobs[j % 8].id}, {"since_seq", j % 100}}.dump());
      latency.add(now_us() - begin);
    }
    report.add("growth.page." + name, "us", latency.percentile(50));
  }
}

void fill(Server& server, std::uint64_t count) {
  constexpr std::uint64_t kPiece = 1000, kEvents = 97;  // with begin and end 100 a job
  for (std::uint64_t done = 0; done < count; done += kPiece) {
    const auto jobs = submit_all(server.client(), std::min(kPiece, count - done),
                                 "fill-" + std::to_string(done) + "-");
    Json params = produce_params(server, jobs, 1, kEvents, kText);
    params.update({{"one_thread", true}, {"finish", true}});
    produce_all(params);
  }
}

}  // namespace

void run_growth(const Options& options, Report& report) {
  Server server(options);
  probe(server, options, report, "empty");
  fill(server, options.scaled(100'000, 10));
  probe(server, options, report, "full");
  report.add("growth.rss", "MiB", static_cast<double>(server.process().rss()) / kMiB);
  report.add("growth.rss.peak", "MiB", static_cast<double>(server.process().peak_rss()) / kMiB);
  for (int i = 0; i < options.repeats; ++i) {
    server.stop();
    const double begin = now_us();
    server.start();
    report.add("growth.start", "ms", (now_us() - begin) / 1000);
  }
  report.at_least("growth.append.full", report.median("growth.append.empty") / 1.3,
                  "growth.append.empty / 1.3");
  report.at_most("growth.page.full", report.median("growth.page.empty") * 1.3,
                 "growth.page.empty x 1.3");
  report.at_most("growth.start", 1000, "1 s");
  report.at_most("growth.rss.peak", 128, "128 MiB");
}

}  // namespace domed::bench

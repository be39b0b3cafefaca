#include "bench/latency.h"
#include "bench/load.h"
#include "bench/verbs.h"

namespace domed::bench {

// Jobs are running when the daemon is killed; all must be there again.
void run_restart(const Options& options, Report& report) {
  constexpr std::uint64_t kEvents = 100;
  Server server(options);
  const auto jobs = submit_all(server.client(), options.scaled(1000), "restart-");
  Json params = produce_params(server, jobs, 1, kEvents, 94);
  params["one_thread"] = true;
  produce_all(params);
  for (int i = 0; i < options.repeats; ++i) {
    server.kill();
    const double begin = now_us();
    server.start();
    report.add("restart", "ms", (now_us() - begin) / 1000);
    read_all(server.endpoint(), ids_of(jobs), kEvents * jobs.size());
  }
}

}  // namespace domed::bench

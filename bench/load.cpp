#include "bench/load.h"

#include <stdexcept>

#include "bench/latency.h"

namespace domed::bench {
namespace {

// What a log holds before the first event of a "produce": queued, provenance, running.
constexpr std::uint64_t kBegin = 3;

void must_be(std::uint64_t expected, std::uint64_t got) {
  if (expected != got)
    throw std::runtime_error("incomplete: " + std::to_string(got) + " of " +
                             std::to_string(expected) + " events arrived");
}

}  // namespace

std::vector<Job> submit_all(Client& client, std::uint64_t count, const std::string& prefix) {
  std::vector<Job> jobs;
  for (std::uint64_t i = 0; i < count; ++i)
    jobs.push_back(submit_running(client, prefix + std::to_string(i)));
  return jobs;
}

Json ids_of(const std::vector<Job>& jobs) {
  Json ids = Json::array();
  for (const Job& job : jobs) ids.push_back(job.id);
  return ids;
}

Json produce_params(const Server& server, const std::vector<Job>& jobs, std::uint64_t batches,
                    std::uint64_t size, std::size_t bytes) {
  Json list = Json::array();
  for (const Job& job : jobs) list.push_back({{"id", job.id}, {"token", job.token}});
  return {{"endpoint", server.endpoint()},
          {"jobs", list},
          {"batches", batches},
          {"size", size},
          {"bytes", bytes}};
}

Json produce_all(const Json& params) {
  Worker worker("produce", params);
  worker.await_ready();
  worker.go();
  return worker.result();
}

Json read_all(const std::string& endpoint, const Json& ids, std::uint64_t events) {
  Worker worker("follow",
                {{"endpoint", endpoint}, {"jobs", ids}, {"follow", false}, {"shared", true}});
  worker.await_ready();
  worker.go();
  const Json result = worker.result();
  must_be(events + kBegin * ids.size(), result.at("events"));
  return result;
}

Followed produce_to_followers(Server& server, const std::vector<Job>& jobs, Json produce,
                              Json follow) {
  const std::uint64_t followers = follow.value("followers", 1);
  follow.emplace("endpoint", server.endpoint());
  follow["jobs"] = ids_of(jobs);
  produce["finish"] = true;
  Worker following(follow.value("role", "follow"), follow);
  Worker producing(produce.value("role", "produce"), produce);
  following.await_ready();
  producing.await_ready();
  const double daemon = server.process().cpu_seconds();
  const double both = daemon + following.process().cpu_seconds();
  const double begin = now_us();
  following.go();
  producing.go();
  Followed result;
  result.produced = producing.result();
  result.seen = following.result();
  result.daemon_cpu_seconds = server.process().cpu_seconds() - daemon;
  result.cpu_seconds =
      result.daemon_cpu_seconds + daemon + following.process().cpu_seconds() - both;
  result.seconds = (result.seen.at("last_us").get<double>() - begin) / 1e6;
  const std::uint64_t sent = result.produced.at("events");
  must_be((sent + (kBegin + 1) * jobs.size()) * followers, result.seen.at("events"));
  return result;
}

}  // namespace domed::bench

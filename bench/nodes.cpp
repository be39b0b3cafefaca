// Several daemons on one store, and one whose store is far away.
#include <chrono>
#include <memory>
#include <vector>

#include "bench/batch.h"
#include "bench/far_wire.h"
#include "bench/load.h"
#include "bench/peer.h"
#include "bench/verbs.h"

namespace domed::bench {
namespace {

constexpr std::uint64_t kNodes = 3;
constexpr std::uint64_t kAppenders = 9;
constexpr std::chrono::microseconds kOneWay{2500};  // 5 ms there and back
constexpr std::uint64_t kFarWindow = 60;

// "count" daemons that act on one store.
class Cluster {
 public:
  Cluster(const Options& options, std::uint64_t count) : place_(options) {
    for (std::uint64_t i = 0; i < count; ++i)
      nodes_.push_back(std::make_unique<Server>(options, place_));
  }
  Server& operator[](std::uint64_t node) { return *nodes_[node % nodes_.size()]; }
  double cpu_seconds() const {
    double all = 0;
    for (const auto& node : nodes_) all += node->process().cpu_seconds();
    return all;
  }

 private:
  Directory place_;
  std::vector<std::unique_ptr<Server>> nodes_;
};

void measure_follower(const Options& options, Report& report, const std::string& name,
                      std::uint64_t at) {
  Cluster nodes(options, kNodes);
  const auto jobs = submit_all(nodes[0].client(), 1, "live-");
  Json produce = produce_params(nodes[0], jobs, options.scaled(5000, 20), 1, kText);
  produce["rate"] = 1000;
  const Followed result = produce_to_followers(
      nodes[0], jobs, produce,
      {{"followers", 1}, {"stamped", true}, {"endpoint", nodes[at].endpoint()}});
  report.add("nodes.live." + name + ".p50", "us", result.seen.at("p50"));
  report.add("nodes.live." + name + ".p99", "us", result.seen.at("p99"));
}

// Producers, each of a job of its own, at the nodes in turn.
void measure_appends(const Options& options, Report& report, std::uint64_t count) {
  Cluster nodes(options, count);
  const std::string name = "nodes.append." + std::to_string(count);
  std::vector<Job> jobs;
  for (std::uint64_t i = 0; i < kAppenders; ++i)
    jobs.push_back(submit_running(nodes[i].client(), "append-" + std::to_string(i)));
  Json params = produce_params(nodes[0], jobs, options.scaled(200, 2), kUsualBatch, kText);
  for (std::uint64_t i = 0; i < kAppenders; ++i)
    params["jobs"][i]["endpoint"] = nodes[i].endpoint();
  const double before = nodes.cpu_seconds();
  const Json result = produce_all(params);
  const double events = result.at("events");
  report.add(name, "events/s", events / result.at("seconds").get<double>());
  report.add(name + ".cpu", "us/event", (nodes.cpu_seconds() - before) / events * 1e6);
  read_all(nodes[1].endpoint(), ids_of(jobs), result.at("events"));
}

void measure_single(const Options& options, Report& report, std::uint64_t count) {
  Cluster nodes(options, count);
  const auto jobs = submit_all(nodes[0].client(), 1, "single-");
  Json params = produce_params(nodes[0], jobs, options.scaled(2000, 10), 1, kText);
  params["singly"] = true;
  const Json result = produce_all(params);
  report.add("nodes.single." + std::to_string(count) + ".p50", "us", result.at("p50"));
  read_all(nodes[1].endpoint(), ids_of(jobs), result.at("events"));
}

void measure_far(const Options& options, Report& report, std::uint64_t size) {
  Options far = options;
  const FarWire wire(options, far.set.at("url"), kOneWay);
  Server server(far);
  const auto jobs = submit_all(server.client(), 1, "far-");
  Json params = produce_params(server, jobs, options.scaled(20'000, 200) / size, size, kText);
  params["window"] = kFarWindow;
  const Json result = produce_all(params);
  report.add("nodes.far." + std::to_string(size), "events/s",
             result.at("events").get<double>() / result.at("seconds").get<double>());
  read_all(server.endpoint(), ids_of(jobs), result.at("events"));
}

}  // namespace

void run_nodes(const Options& options, Report& report) {
  if (!options.set.contains("url"))
    throw Skip(
        "needs a store that several daemons share, such as --store store-postgres "
        "--set 'url=…' --set 'schema={fresh}'");
  for (int i = 0; i < options.repeats; ++i) {
    measure_follower(options, report, "same", 0);
    measure_follower(options, report, "other", 1);
    measure_appends(options, report, 1);
    measure_appends(options, report, kNodes);
    measure_single(options, report, 1);
    measure_single(options, report, kNodes);
    measure_far(options, report, 1);
    measure_far(options, report, kUsualBatch / 10);
  }
  report.at_most("nodes.live.other.p50", report.median("nodes.live.same.p50") + 2000,
                 "nodes.live.same.p50 + 2 ms");
  report.at_least("nodes.far.1", 5000, "5,000/s");
}

}  // namespace domed::bench

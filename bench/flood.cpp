#include <atomic>
#include <deque>
#include <thread>

#include "bench/latency.h"
#include "bench/load.h"
#include "bench/pace.h"
#include "bench/roles.h"
#include "bench/verbs.h"
#include "client/producer.h"

namespace domed::bench {
namespace {

constexpr std::uint64_t kFlooders = 4;

// Requests of one connection, 64 under way, until "stop".
std::uint64_t flood_requests(const std::string& endpoint, const std::atomic<bool>& stop) {
  Client client(endpoint);
  std::deque<std::shared_ptr<Client::Pending>> under_way;
  std::uint64_t done = 0;
  while (!stop) {
    while (under_way.size() < kUnderWay)
      under_way.push_back(client.begin("Health", Json::object(), {}));
    client.finish(*under_way.front());
    under_way.pop_front();
    ++done;
  }
  return done;
}

// Batches of one producer, 64 under way, until "stop".
std::uint64_t flood_appends(const std::string& endpoint, const Json& job,
                            const std::atomic<bool>& stop) {
  ProducerOptions options;
  options.endpoint = endpoint;
  options.job_id = job.at("id");
  options.producer_token = job.at("token");
  options.producer_id = "bench";
  options.first_batch = 2;
  options.window = kUnderWay;
  Producer producer(options);
  const std::string batch = log_events(200, kText, "");
  std::uint64_t done = 0;
  for (; !stop; ++done) producer.append(batch);
  producer.flush();
  return done;
}

// What a client that asks at a pace waits, at the median.  "ask" is given the number of the asking.
template <typename Ask>
double paced_p50(std::uint64_t times, const Ask& ask) {
  constexpr double kRate = 200;
  Latency latency;
  Pace pace(kRate);
  for (std::uint64_t i = 0; i < times; ++i) {
    pace.wait();
    const double begin = now_us();
    ask(i);
    latency.add(now_us() - begin);
  }
  return latency.percentile(50);
}

// "ask" alone, and then beside four who take as much as they get.
template <typename Ask>
void measure_beside(const std::string& name, const Json& flood, std::uint64_t times, const Ask& ask,
                    Report& report) {
  report.add("flood." + name + ".alone.p50", "us", paced_p50(times, ask));
  Worker flooders("flood", flood);
  flooders.await_ready();
  flooders.go();
  flooders.await_ready();  // all of them are at it
  const double begin = now_us();
  report.add("flood." + name + ".p50", "us",
             paced_p50(times, [&](std::uint64_t i) { ask(times + i); }));
  const double seconds = (now_us() - begin) / 1e6;
  flooders.go();
  report.add("flood." + name + ".flooders", "requests/s",
             flooders.result().at("requests").get<double>() / seconds);
}

void measure_flood(const Options& options, Report& report) {
  Server server(options);
  const std::uint64_t times = options.scaled(2000, 10);
  Json flood = produce_params(server, submit_all(server.client(), kFlooders, "flood-"), 0, 1, 0);
  flood["appends"] = false;
  const auto health = [&](std::uint64_t) { server.client().call("Health", Json::object()); };
  measure_beside("health", flood, times, health, report);
  const Job paced = submit_running(server.client(), "paced");
  ProducerOptions producer;
  producer.job_id = paced.id;
  producer.producer_id = "bench";
  producer.producer_token = paced.token;
  flood["appends"] = true;
  measure_beside(
      "append", flood, times,
      [&](std::uint64_t i) {
        server.client().call_text("AppendJobEvents",
                                  Producer::freeze(producer, i + 2, log_events(1, kText, "")));
      },
      report);
}

}  // namespace

// Four threads with a connection each, that ask or append for as long as they are let: from the
// first go to the second.
Json flood(const Json& params) {
  const std::string endpoint = params.at("endpoint");
  const bool appends = params.at("appends");
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> requests = 0;
  ready();
  {
    std::vector<std::jthread> threads;
    for (const Json& job : params.at("jobs"))
      threads.emplace_back([&, job] {
        requests += appends ? flood_appends(endpoint, job, stop) : flood_requests(endpoint, stop);
      });
    ready();
    stop = true;
  }
  return {{"requests", requests.load()}};
}

void run_flood(const Options& options, Report& report) {
  for (int i = 0; i < options.repeats; ++i) measure_flood(options, report);
  for (const std::string name : {"health", "append"})
    report.at_most("flood." + name + ".p50", 3 * report.median("flood." + name + ".alone.p50"),
                   "3 x flood." + name + ".alone.p50");
}

}  // namespace domed::bench

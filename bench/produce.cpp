#include <atomic>
#include <thread>
#include <vector>

#include "bench/child.h"
#include "bench/latency.h"
#include "bench/pace.h"
#include "bench/roles.h"
#include "bench/server.h"
#include "bench/stamp.h"
#include "client/producer.h"

namespace domed::bench {
namespace {

// What all producers of this process do.
struct Plan {
  explicit Plan(const Json& params)
      : endpoint(params.at("endpoint")),
        batches(params.at("batches")),
        size(params.value("size", std::uint64_t{1})),
        bytes(params.value("bytes", std::size_t{80})),
        window(params.value("window", std::size_t{16})),
        rate(params.value("rate", 0.0)),
        singly(params.value("singly", false)),
        finish(params.value("finish", false)) {}

  const std::string endpoint;
  const std::uint64_t batches, size;  // how many, of how many events
  const std::size_t bytes;            // of each event's text
  const std::size_t window;
  const double rate;  // batches a second, of each producer
  const bool singly;  // each waits for the acknowledgement of the one before
  const bool finish;  // the job ends with the last one
};

ProducerOptions options_for(const Plan& plan, const Json& job) {
  ProducerOptions options;
  options.endpoint = job.value("endpoint", plan.endpoint);
  options.job_id = job.at("id");
  options.producer_token = job.at("token");
  options.producer_id = "bench";
  options.first_batch = 2;
  options.window = plan.window;
  return options;
}

void run_pipelined(const Plan& plan, const Json& job) {
  Producer producer(options_for(plan, job));
  const std::string ready_made = log_events(plan.size, plan.bytes, "");
  Pace pace(plan.rate);
  for (std::uint64_t i = 0; i < plan.batches; ++i) {
    pace.wait();
    producer.append(plan.rate > 0 ? log_events(plan.size, plan.bytes, stamp()) : ready_made);
  }
  if (plan.finish) producer.append(kSucceeded);
  producer.flush();
}

void run_singly(const Plan& plan, const Json& job, Latency& latency) {
  Client client(plan.endpoint);
  client.call("Health", Json::object());
  const ProducerOptions options = options_for(plan, job);
  for (std::uint64_t i = 0; i < plan.batches; ++i) {
    const double begin = now_us();
    client.call_text("AppendJobEvents",
                     Producer::freeze(options, i + 2, log_events(plan.size, plan.bytes, stamp())));
    latency.add(now_us() - begin);
  }
}

// One thread for all, as a service that reports many jobs has: round robin.
void run_many(const Plan& plan, const Json& jobs) {
  std::vector<std::unique_ptr<Producer>> producers;
  for (const Json& job : jobs)
    producers.push_back(std::make_unique<Producer>(options_for(plan, job)));
  Pace pace(plan.rate * static_cast<double>(jobs.size()));
  for (std::uint64_t i = 0; i < plan.batches; ++i)
    for (const auto& producer : producers) {
      pace.wait();
      producer->append(log_events(plan.size, plan.bytes, stamp()));
    }
  for (const auto& producer : producers) {
    if (plan.finish) producer->append(kSucceeded);
  }
  for (const auto& producer : producers) producer->flush();
}

}  // namespace

// Appends to each of "jobs" from a producer of its own, and reports the time
// from go to the last acknowledgement.
Json produce(const Json& params) {
  const Plan plan(params);
  const Json& jobs = params.at("jobs");
  std::vector<Latency> latencies(jobs.size());
  ready();
  const double begin = now_us();
  {
    std::vector<std::jthread> threads;
    if (params.value("one_thread", false)) {
      run_many(plan, jobs);
    } else {
      for (std::size_t i = 0; i < jobs.size(); ++i)
        threads.emplace_back([&, i] {
          plan.singly ? run_singly(plan, jobs[i], latencies[i]) : run_pipelined(plan, jobs[i]);
        });
    }
  }
  Latency all;
  for (const Latency& latency : latencies) all.add(latency);
  return {{"seconds", (now_us() - begin) / 1e6},
          {"events", plan.batches * plan.size * jobs.size()},
          {"p50", all.percentile(50)},
          {"p99", all.percentile(99)}};
}

}  // namespace domed::bench

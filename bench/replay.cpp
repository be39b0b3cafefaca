#include "bench/latency.h"
#include "bench/load.h"
#include "bench/verbs.h"
#include "client/follower.h"

namespace domed::bench {
namespace {

constexpr std::size_t kLongText = 166;  // a payload of 200 bytes
constexpr std::uint64_t kLongBatch = 1000;

double events_a_second(const Json& read) {
  return read.at("events").get<double>() /
         (read.at("last_us").get<double>() - read.at("begin_us").get<double>()) * 1e6;
}

void measure_replay(const Options& options, Report& report) {
  Server server(options);
  const auto jobs = submit_all(server.client(), 1, "replay-");
  const std::uint64_t batches = options.scaled(1000);
  produce_all(produce_params(server, jobs, batches, kLongBatch, kLongText));
  const Json ids = ids_of(jobs);
  read_all(server.endpoint(), ids, batches * kLongBatch);
  for (int i = 0; i < options.repeats; ++i)
    report.add("replay.warm", "events/s",
               events_a_second(read_all(server.endpoint(), ids, batches * kLongBatch)));
  for (int i = 0; i < options.repeats; ++i) {
    server.stop();
    server.forget_cached_pages();
    server.start();
    report.add("replay.cold", "events/s",
               events_a_second(read_all(server.endpoint(), ids, batches * kLongBatch)));
  }
}

struct Enough {};

// To the first event of a follower that knew the first half.
double first_event_us(Client& client, const std::string& job, std::uint64_t since) {
  FollowOptions options;
  options.job_id = job;
  options.since_seq = since;
  const double begin = now_us();
  try {
    Follower(client, options).run([](std::string_view, std::uint64_t) { throw Enough(); });
  } catch (const Enough&) {
    return now_us() - begin;
  }
  throw std::runtime_error("a log ended where it should go on");
}

void measure_resume(const Options& options, Report& report) {
  constexpr std::uint64_t kEvents = 1000;
  Server server(options);
  const auto jobs = submit_all(server.client(), options.scaled(1000), "resume-");
  Json params = produce_params(server, jobs, 10, kEvents / 10, kLongText);
  params["one_thread"] = true;
  produce_all(params);
  for (int i = 0; i < options.repeats; ++i) {
    Latency latency;
    for (const Job& job : jobs) latency.add(first_event_us(server.client(), job.id, kEvents / 2));
    report.add("resume.first.p50", "us", latency.percentile(50));
  }
}

}  // namespace

void run_replay(const Options& options, Report& report) {
  measure_replay(options, report);
  measure_resume(options, report);
  report.at_least("replay.warm", 1.5e6, "1,500,000/s");
  report.at_least("replay.cold", 1e6, "1,000,000/s");
  report.at_most("resume.first.p50", 300, "300 us");
}

}  // namespace domed::bench

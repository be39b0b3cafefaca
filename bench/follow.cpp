#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "bench/child.h"
#include "bench/latency.h"
#include "bench/roles.h"
#include "bench/stamp.h"
#include "client/follower.h"

namespace domed::bench {
namespace {

struct Seen {
  std::uint64_t events = 0, bytes = 0, lines = 0;  // lines: log events, where "counted"
  double first_us = 0, last_us = 0;
  Latency latency;
  std::string end;
  bool verified = false;
};

// The daemon's word for what was received: no figure counts that is not whole.
bool is_whole(Client& client, const std::string& job, const Follower& follower) {
  const auto digest = follower.digest();
  if (!digest) return true;  // it did not begin at the beginning
  const Json status = client.call("GetJobStatus", {{"job_id", job}});
  return status.at("head_seq") == follower.cursor() && status.at("digest") == to_hex(*digest);
}

void run(Client& client, const Json& params, const std::string& job, std::atomic<int>& waiting,
         Seen& seen) {
  FollowOptions options;
  options.job_id = job;
  options.since_seq = params.value("since", std::uint64_t{0});
  options.follow = params.value("follow", true);
  options.use_frames = params.value("frames", true);
  options.max_events = params.value("page", std::uint64_t{0});
  const bool stamped = params.value("stamped", false), counted = params.value("counted", false);
  bool there = false;
  const auto arrive = [&] {
    if (!std::exchange(there, true)) --waiting;
  };
  options.on_idle = [&] {
    if (seen.events > 0) arrive();
  };
  Follower follower(client, options);
  const auto end = follower.run([&](std::string_view line, std::uint64_t) {
    if (seen.events++ == 0) seen.first_us = now_us();
    seen.bytes += line.size() + 1;
    if (counted) seen.lines += line.find(R"("type":"log")") != std::string_view::npos;
    if (!stamped) return;
    if (const auto sent = sent_us(line)) seen.latency.add(now_us() - *sent);
  });
  seen.last_us = now_us();
  arrive();
  seen.end = end == FollowEnd::terminal || end == FollowEnd::snapshot ? "" : "ended early";
  seen.verified = is_whole(client, job, follower);
}

}  // namespace

// "followers" followers of each of "jobs", each with a connection of its own
// unless "shared"; says ready when all have caught up with what there was.
Json follow(const Json& params) {
  const std::string endpoint = params.at("endpoint");
  const std::vector<std::string> jobs = params.at("jobs");
  const std::size_t each = params.value("followers", std::size_t{1});
  std::vector<std::unique_ptr<Client>> clients;
  std::vector<Seen> seen(jobs.size() * each);
  std::atomic<int> waiting = static_cast<int>(seen.size());
  if (!params.value("follow", true)) ready();
  const double begin = now_us();
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      if (clients.empty() || !params.value("shared", false))
        clients.push_back(std::make_unique<Client>(endpoint));
      threads.emplace_back([&, i, client = clients.back().get()] {
        try {
          run(*client, params, jobs[i % jobs.size()], waiting, seen[i]);
        } catch (const std::exception& e) {
          seen[i].end = e.what();
          waiting = 0;
        }
      });
    }
    if (params.value("follow", true)) {
      while (waiting > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
      ready();
    }
  }
  Seen all;
  for (const Seen& one : seen) {
    if (!one.end.empty()) throw std::runtime_error("a follower: " + one.end);
    if (!one.verified) throw std::runtime_error("a follower's digest is not the daemon's");
    all.events += one.events, all.bytes += one.bytes, all.lines += one.lines;
    all.last_us = std::max(all.last_us, one.last_us);
    all.latency.add(one.latency);
  }
  return {{"events", all.events},
          {"bytes", all.bytes},
          {"lines", all.lines},
          {"begin_us", begin},
          {"first_us", seen[0].first_us},
          {"last_us", all.last_us},
          {"stamped", all.latency.count()},
          {"p50", all.latency.percentile(50)},
          {"p99", all.latency.percentile(99)}};
}

Role role_named(const std::string& name) {
  if (name == "echo") return echo;
  if (name == "raw_publish") return raw_publish;
  if (name == "unix_echo") return unix_echo;
  if (name == "unix_send") return unix_send;
  if (name == "produce") return produce;
  if (name == "follow") return follow;
  if (name == "stock_produce") return stock_produce;
  if (name == "flood") return flood;
  if (name == "stock_follow") return stock_follow;
  if (name == "redis_produce") return redis_produce;
  if (name == "redis_follow") return redis_follow;
  throw std::invalid_argument("no role " + name);
}

}  // namespace domed::bench

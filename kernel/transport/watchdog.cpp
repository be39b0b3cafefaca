#include "transport/watchdog.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>

#include "domed/error.h"
#include "transport/nng/probe.h"

namespace domed {
namespace {

using Clock = std::chrono::steady_clock;

// One call may fail by a full backlog or a busy machine; to listen anew for that would be the only
// disturbance.
constexpr int kStrikes = 2;

}  // namespace

// A probe, and what came of it.
class Watchdog::Call {
 public:
  Call(Watchdog& owner, const Watched& watched)
      : deadline_(Clock::now() + (watched.control ? owner.options_.control_timeout
                                                  : owner.options_.event_timeout)),
        probe_(*watched.endpoint, watched.control ? owner.options_.ping : "", [this, &owner] {
          const std::lock_guard lock(owner.mutex_);
          answered_ = true;
          owner.changed_.notify_all();
        }) {}

  Clock::time_point deadline() const { return deadline_; }
  // With the owner's lock held.
  bool answered() const { return answered_; }
  bool arrived() const { return probe_.arrived(); }

 private:
  const Clock::time_point deadline_;
  bool answered_ = false;
  Probe probe_;  // ends before what it writes to
};

Watchdog::Watchdog(WatchdogOptions options, const std::vector<Endpoint*>& control,
                   const std::vector<Endpoint*>& events)
    : options_(std::move(options)) {
  for (Endpoint* endpoint : control) watched_.push_back({endpoint, true});
  for (Endpoint* endpoint : events) watched_.push_back({endpoint, false});
}

Watchdog::~Watchdog() {
  stop();
}

void Watchdog::start() {
  thread_ = std::thread([this] { run(); });
}

void Watchdog::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Watchdog::run() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, options_.period, [&] { return stopping_; })) {
    lock.unlock();
    try {
      check_once();
      if (options_.round) options_.round();
    } catch (const std::exception& failure) {
      spdlog::warn("cannot check the listeners: {}", failure.what());
    }
    lock.lock();
  }
}

// What lies at a place that is not ours is not called: it would be another's.
std::size_t Watchdog::put_in_place(std::vector<Watched*>& callable) {
  std::size_t reopened = 0;
  for (Watched& watched : watched_) {
    if (!watched.endpoint->in_place()) {
      watched.deaf = watched.silent = 0;
      if (!reopen(watched, Fault::moved)) continue;
      ++reopened;
    }
    if (watched.endpoint->may_go_deaf()) callable.push_back(&watched);
  }
  return reopened;
}

std::size_t Watchdog::check_once() {
  std::vector<Watched*> callable;
  std::size_t reopened = put_in_place(callable);
  std::vector<std::unique_ptr<Call>> calls;
  for (const Watched* watched : callable) calls.push_back(std::make_unique<Call>(*this, *watched));
  std::vector<bool> answered;
  {
    std::unique_lock lock(mutex_);
    for (const auto& call : calls)
      answered.push_back(changed_.wait_until(lock, call->deadline(), [&] {
        return call->answered() || stopping_;
      }) && call->answered());
    if (stopping_) return reopened;
  }
  for (std::size_t i = 0; i < calls.size(); ++i) {
    const bool arrived = calls[i]->arrived();
    calls[i].reset();
    if (judge(*callable[i], answered[i], arrived)) ++reopened;
  }
  return reopened;
}

bool Watchdog::judge(Watched& watched, bool answered, bool arrived) {
  watched.deaf = answered || arrived ? 0 : watched.deaf + 1;
  watched.silent = answered || !arrived ? 0 : watched.silent + 1;
  if (watched.silent == kStrikes)
    spdlog::warn("{} takes connections but does not answer: the daemon is overloaded or stuck",
                 watched.endpoint->url());
  if (watched.deaf < kStrikes) return false;
  watched.deaf = 0;
  return reopen(watched, Fault::deaf);
}

// The same trouble is told once, not every other second.
bool Watchdog::reopen(Watched& watched, Fault fault) {
  const std::string url = watched.endpoint->url();
  try {
    watched.endpoint->relisten();
    watched.trouble.clear();
    spdlog::warn(
        "{} {} and was opened anew", url,
        fault == Fault::moved ? "was removed or replaced" : "took no connections any more");
    return true;
  } catch (const Error& failure) {
    if (std::exchange(watched.trouble, failure.what()) != failure.what())
      spdlog::error("{} {}, and cannot be opened anew: {}; tried again every few seconds", url,
                    fault == Fault::moved ? "was removed or replaced" : "takes no connections",
                    failure.what());
    return false;
  }
}

}  // namespace domed

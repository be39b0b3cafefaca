#include "follow/polls.h"

#include <vector>

namespace domed {
namespace {

template <class Map, class Key>
std::vector<std::uint64_t> numbers(const Map& map, const Key& key) {
  std::vector<std::uint64_t> out;
  const auto [begin, end] = map.equal_range(key);
  for (auto it = begin; it != end; ++it) out.push_back(it->second);
  return out;
}

}  // namespace

Polls::Polls(PollLimits limits) : limits_(limits), thread_([this] { work(); }) {}

bool Polls::hold(const std::string& job_id, std::uint32_t pipe, std::chrono::milliseconds wait,
                 Release release, const std::function<bool()>& grown) {
  std::uint64_t number = 0;
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || held_.size() >= limits_.most) return false;
    // While there is room for all, whoever follows many jobs over one connection may.
    if (held_.size() >= limits_.most / 2 && by_pipe_.count(pipe) >= limits_.share) return false;
    number = ++last_;
    const auto deadline = Clock::now() + wait;
    held_.emplace(number,
                  Held{std::move(release), by_job_.emplace(job_id, number),
                       by_pipe_.emplace(pipe, number), by_deadline_.emplace(deadline, number)});
    if (deadline < wakes_at_) timer_.notify_one();
  }
  // Asked when the poll can be found already. The other way round a commit between the two would
  // wake nobody, and the poll would wait for its whole time.
  if (!grown()) return true;
  Release now;
  {
    std::lock_guard lock(mutex_);
    now = take(number);
  }
  if (now) now();
  return true;
}

Polls::Release Polls::take(std::uint64_t number) {
  const auto it = held_.find(number);
  if (it == held_.end()) return {};
  by_job_.erase(it->second.by_job);
  by_pipe_.erase(it->second.by_pipe);
  by_deadline_.erase(it->second.by_deadline);
  Release release = std::move(it->second.release);
  held_.erase(it);
  return release;
}

std::size_t Polls::held() {
  const std::lock_guard lock(mutex_);
  return held_.size();
}

void Polls::wake(const std::string& job_id) {
  std::vector<Release> released;
  {
    std::lock_guard lock(mutex_);
    for (const std::uint64_t number : numbers(by_job_, job_id)) released.push_back(take(number));
  }
  for (auto& release : released) release();
}

void Polls::client_left(std::uint32_t pipe) {
  std::vector<Release> released;
  {
    std::lock_guard lock(mutex_);
    for (const std::uint64_t number : numbers(by_pipe_, pipe)) released.push_back(take(number));
  }
  for (auto& release : released) release();
}

void Polls::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  timer_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Polls::work() {
  std::unique_lock lock(mutex_);
  // At the end all are let go as if their time were up: each client gets an answer, not a silence.
  while (!stopping_ || !held_.empty()) {
    // Where none is held, some far time. A copy: the poll may go while we wait, and wait_until()
    // looks again at what it was given.
    const auto now = Clock::now();
    const auto next = stopping_              ? Clock::time_point::min()
                      : by_deadline_.empty() ? now + std::chrono::hours(1)
                                             : by_deadline_.begin()->first;
    if (next > now) {
      wakes_at_ = next;
      timer_.wait_until(lock, next);
      wakes_at_ = Clock::time_point::min();
      continue;
    }
    Release release = take(by_deadline_.begin()->second);
    lock.unlock();
    release();
    lock.lock();
  }
}

}  // namespace domed

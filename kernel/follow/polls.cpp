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

const char* Polls::objection_to(const Poll& poll) const {
  if (stopping_) return kStopping;
  if (held_.size() >= limits_.most) return "the daemon holds as many polls as it may";
  // While there is room for all, whoever follows many jobs may.
  if (held_.size() < limits_.most / 2) return nullptr;
  if (by_pipe_.count(poll.pipe) >= limits_.of_connection)
    return "this connection holds as many polls as one may while many are held";
  if (by_who_.count(poll.who) >= limits_.of_identity)
    return "your connections hold as many polls as those of one identity may while many are held";
  return nullptr;
}

const char* Polls::hold(Poll poll, const std::function<bool()>& over) {
  std::uint64_t number = 0;
  {
    std::lock_guard lock(mutex_);
    if (const char* why = objection_to(poll)) return why;
    number = ++last_;
    const auto deadline = Clock::now() + poll.wait;
    const auto by_job = by_job_.emplace(poll.job_id, number);
    const auto by_pipe = by_pipe_.emplace(poll.pipe, number);
    const auto by_who = by_who_.emplace(poll.who, number);
    held_.emplace(number, Held{std::move(poll), by_job, by_pipe, by_who,
                               by_deadline_.emplace(deadline, number)});
    if (deadline < wakes_at_) timer_.notify_one();
  }
  // Asked when the poll can be found already. The other way round a commit between the two would
  // wake nobody, and the poll would wait for its whole time.
  if (!over()) return nullptr;
  Release now;
  {
    std::lock_guard lock(mutex_);
    now = take(number);
  }
  if (now) now();
  return nullptr;
}

Polls::Release Polls::take(std::uint64_t number) {
  const auto it = held_.find(number);
  if (it == held_.end()) return {};
  by_job_.erase(it->second.by_job);
  by_pipe_.erase(it->second.by_pipe);
  by_who_.erase(it->second.by_who);
  by_deadline_.erase(it->second.by_deadline);
  Release release = std::move(it->second.poll.release);
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

void Polls::wake_all() {
  std::vector<Release> released;
  {
    std::lock_guard lock(mutex_);
    while (!held_.empty()) released.push_back(take(held_.begin()->first));
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

void Polls::look_again() {
  std::vector<std::pair<std::uint64_t, std::function<bool()>>> asked;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [number, held] : held_) asked.emplace_back(number, held.poll.may_stay);
  }
  std::erase_if(asked, [](const auto& one) { return one.second(); });
  std::vector<Release> released;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [number, may_stay] : asked)
      if (Release release = take(number)) released.push_back(std::move(release));
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

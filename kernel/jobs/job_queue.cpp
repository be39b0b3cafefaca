#include "jobs/job_queue.h"

#include <algorithm>

namespace domed {

bool JobQueue::put(Job job, BootClock::time_point now) {
  const auto known = places_.find(job.id);
  if (known != places_.end()) {
    jobs_.at(known->second).held = job.held;
    return false;
  }
  const auto left = left_.extract(job.id);
  const Place place = left ? left.mapped() : Place(-job.priority, arrivals_++);
  places_[job.id] = place;
  if (job.backoff) backoffs_.try_emplace(job.id, now + *job.backoff);
  for (const auto& need : job.needs) needed_by_.emplace(need, job.id);
  jobs_.emplace(place, std::move(job));
  return true;
}

std::vector<std::string> JobQueue::ids() const {
  std::vector<std::string> out;
  for (const auto& [id, place] : places_) out.push_back(id);
  return out;
}

void JobQueue::remove(const std::string& id) {
  backoffs_.erase(id);
  left_.erase(id);
  const auto known = places_.find(id);
  if (known == places_.end()) return;
  for (const auto& need : jobs_.at(known->second).needs) {
    const auto [begin, end] = needed_by_.equal_range(need);
    const auto own = std::find_if(begin, end, [&](const auto& item) { return item.second == id; });
    if (own != end) needed_by_.erase(own);
  }
  jobs_.erase(known->second);
  places_.erase(known);
}

const JobQueue::Job* JobQueue::find(const std::string& id) const {
  const auto known = places_.find(id);
  return known == places_.end() ? nullptr : &jobs_.at(known->second);
}

std::optional<std::size_t> JobQueue::limit_of(const std::string& queue) const {
  const auto limit = limits_.find(queue);
  if (limit == limits_.end()) return std::nullopt;
  return limit->second;
}

std::vector<std::string> JobQueue::ended(const std::string& id, bool succeeded) {
  std::vector<std::string> waiting;
  const auto [begin, end] = needed_by_.equal_range(id);
  for (auto it = begin; it != end; ++it) waiting.push_back(it->second);
  needed_by_.erase(begin, end);
  for (const auto& other : waiting) jobs_.at(places_.at(other)).needs.erase(id);
  if (succeeded) return {};
  for (const auto& other : waiting) remove(other);
  return waiting;
}

void JobQueue::replace(const std::string& id, const std::string& by) {
  const auto [begin, end] = needed_by_.equal_range(id);
  std::vector<std::string> waiting;
  for (auto it = begin; it != end; ++it) waiting.push_back(it->second);
  needed_by_.erase(begin, end);
  for (const auto& other : waiting) {
    auto& needs = jobs_.at(places_.at(other)).needs;
    needs.erase(id);
    if (needs.insert(by).second) needed_by_.emplace(by, other);
  }
}

std::optional<std::chrono::microseconds> JobQueue::backoff_left(const std::string& id,
                                                                BootClock::time_point now) const {
  const auto backoff = backoffs_.find(id);
  if (backoff == backoffs_.end()) return std::nullopt;
  return std::max(std::chrono::microseconds(0),
                  std::chrono::ceil<std::chrono::microseconds>(backoff->second - now));
}

// 0: its time has come.
std::chrono::microseconds JobQueue::left(const Job& job, std::int64_t wall,
                                         BootClock::time_point now) const {
  if (const auto backoff = backoff_left(job.id, now)) return *backoff;
  // A far time less one before 1970 is more than a number holds.
  std::int64_t left = 0;
  if (job.not_before > wall && __builtin_sub_overflow(job.not_before, wall, &left))
    left = INT64_MAX;
  return std::chrono::microseconds(left);
}

std::chrono::microseconds JobQueue::wait(std::int64_t wall, BootClock::time_point now) const {
  auto out = std::chrono::microseconds::max();
  for (const auto& [place, job] : jobs_)
    if (const auto time = left(job, wall, now); time.count() > 0 && !job.held)
      out = std::min(out, time);
  return out;
}

std::map<std::string, JobQueue::Depth> JobQueue::depths(std::int64_t wall,
                                                        BootClock::time_point now) const {
  std::map<std::string, Depth> out;
  for (const auto& [place, job] : jobs_) {
    Depth& depth = out[job.queue];
    ++depth.jobs;
    if (is_due(job, wall, now)) depth.oldest = std::min(depth.oldest, job.created);
  }
  return out;
}

std::size_t JobQueue::ahead_of(const std::string& id, std::int64_t wall,
                               BootClock::time_point now) const {
  const auto known = places_.find(id);
  if (known == places_.end()) return 0;
  return static_cast<std::size_t>(
      std::count_if(jobs_.begin(), jobs_.find(known->second),
                    [&](const auto& other) { return is_due(other.second, wall, now); }));
}

bool JobQueue::is_due(const Job& job, std::int64_t wall, BootClock::time_point now) const {
  return !job.held && job.needs.empty() && left(job, wall, now).count() == 0;
}

bool JobQueue::has_room(const std::string& queue,
                        const std::map<std::string, std::size_t>& running) const {
  const auto limit = limit_of(queue);
  const auto busy = running.find(queue);
  return !limit || (busy == running.end() ? 0 : busy->second) < *limit;
}

std::optional<JobQueue::Job> JobQueue::take(const std::map<std::string, std::size_t>& running,
                                            std::int64_t wall, BootClock::time_point now,
                                            const std::function<bool(const Job&)>& has_slot) {
  for (auto& [place, job] : jobs_) {
    const bool has_turn = has_room(job.queue, running) || (has_slot && has_slot(job));
    if (!has_turn || !is_due(job, wall, now)) continue;
    Job out = std::move(job);
    left_[out.id] = place;
    places_.erase(out.id);
    jobs_.erase(place);
    return out;
  }
  return std::nullopt;
}

}  // namespace domed

#include "jobs/slots.h"

#include <algorithm>

namespace domed {

void Slots::begin(const std::string& job_id, const std::string& run_id) {
  slots_[job_id].run_id = run_id;
}

void Slots::watch(const std::string& job_id, Runner runner) {
  Slot& slot = slots_[job_id];
  slot.step = Step::settle;
  slot.runner = std::move(runner);
  slot.again = kNever;
  slot.ended_well = false;
  slot.since = Clock::now();
}

void Slots::runner_ended(const std::string& job_id, bool well) {
  Slot& slot = slots_.at(job_id);
  slot.ended_well = well;
  slot.runner.pidfd.reset();
}

void Slots::postpone(const std::string& job_id, Step step, Clock::time_point at) {
  Slot& slot = slots_[job_id];
  slot.step = step;
  slot.again = at;
}

std::map<std::string, Slots::Step> Slots::take_due(Clock::time_point now) {
  std::map<std::string, Step> out;
  for (auto& [id, slot] : slots_) {
    if (slot.again > now) continue;
    slot.again = kNever;
    out.emplace(id, slot.step);
  }
  return out;
}

Slots::Clock::time_point Slots::next() const {
  auto out = kNever;
  for (const auto& [id, slot] : slots_) out = std::min(out, slot.again);
  return out;
}

const Slots::Slot* Slots::find(const std::string& job_id) const {
  const auto it = slots_.find(job_id);
  return it == slots_.end() ? nullptr : &it->second;
}

std::map<std::string, std::size_t> Slots::per_queue() const {
  std::map<std::string, std::size_t> out;
  for (const auto& [id, slot] : slots_) ++out[slot.queue];
  return out;
}

}  // namespace domed

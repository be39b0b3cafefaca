#include "jobs/deadlines.h"

#include <algorithm>
#include <utility>

#include "base/units.h"

namespace domed {
namespace {

constexpr std::chrono::seconds kAgain{1};  // at least, to what could not be killed
constexpr const char* kMute = "its runner did not, and was killed with all that it had started";

// Sets "at" once.
bool set(std::optional<Deadlines::Clock::time_point>& at, std::chrono::milliseconds delay) {
  if (at) return false;
  at = Deadlines::Clock::now() + delay;
  return true;
}

}  // namespace

Deadlines::Clock::time_point Deadlines::Run::due() const {
  if (again_at) return *again_at;
  auto out = Clock::time_point::max();
  for (const auto& at : {overtime_at ? overtime_at : timeout_at, cancel_at, sealed_at})
    if (at) out = std::min(out, *at);
  return out;
}

void Deadlines::begin(const std::string& job_id, std::chrono::milliseconds timeout) {
  Run& run = runs_[job_id];
  run.timeout = timeout;
  run.patience = patience_;
}

bool Deadlines::running(const std::string& job_id, std::chrono::milliseconds since) {
  const auto it = runs_.find(job_id);
  if (it == runs_.end() || it->second.timeout.count() == 0 || it->second.left) return false;
  const auto left = std::max(it->second.timeout - since, std::chrono::milliseconds(0));
  if (!it->second.paused) return set(it->second.timeout_at, left);
  it->second.left = left;
  return false;
}

bool Deadlines::paused(const std::string& job_id, bool paused) {
  const auto it = runs_.find(job_id);
  if (it == runs_.end() || it->second.paused == paused) return false;
  Run& run = it->second;
  run.paused = paused;
  if (paused && run.timeout_at && !run.overtime_at) {
    run.left = std::max(*run.timeout_at - Clock::now(), Clock::duration(0));
    run.timeout_at.reset();
  }
  if (paused || !run.left) return false;
  run.timeout_at = Clock::now() + *std::exchange(run.left, std::nullopt);
  return true;
}

bool Deadlines::canceled(const std::string& job_id) {
  const auto it = runs_.find(job_id);
  return it != runs_.end() && set(it->second.cancel_at, it->second.patience);
}

bool Deadlines::sealed(const std::string& job_id) {
  const auto it = runs_.find(job_id);
  return it != runs_.end() && set(it->second.sealed_at, it->second.patience);
}

std::vector<std::string> Deadlines::take_due(Clock::time_point now) {
  std::vector<std::string> out;
  for (auto& [id, run] : runs_) {
    if (!run.overtime_at && run.timeout_at && *run.timeout_at <= now)
      run.overtime_at = now + run.patience;
    if (run.due() > now) continue;
    const bool cancel = run.cancel_at && (!run.overtime_at || *run.cancel_at <= *run.overtime_at);
    if (!run.verdict && cancel && *run.cancel_at <= now)
      run.verdict = {State::canceled, "cancel", std::string("it was to be ended; ") + kMute};
    else if (!run.verdict && run.overtime_at && *run.overtime_at <= now)
      run.verdict = {State::failed, "timeout",
                     "the command was to be ended at its timeout of " +
                         format_duration(run.timeout) + "; " + kMute};
    run.again_at = now + std::max<Clock::duration>(run.patience, kAgain);
    out.push_back(id);
  }
  return out;
}

Deadlines::Clock::time_point Deadlines::next() const {
  auto out = Clock::time_point::max();
  for (const auto& [id, run] : runs_) out = std::min(out, run.due());
  return out;
}

std::optional<Deadlines::Verdict> Deadlines::verdict(const std::string& job_id) const {
  const auto it = runs_.find(job_id);
  return it == runs_.end() ? std::nullopt : it->second.verdict;
}

}  // namespace domed

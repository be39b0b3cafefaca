#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "jobs/run_dir.h"
#include "system/boot_clock.h"

namespace domed {

// The jobs that have a slot, and who has each of them in hand: its runner, a worker, or nobody
// until a step is tried again.  A job keeps its slot until nothing is left to do for its run: it
// must neither be forgotten nor be overtaken.
//
// Plain data, not thread-safe.
class Slots {
 public:
  using Clock = BootClock;
  static constexpr auto kNever = Clock::time_point::max();
  enum class Step {
    launch,  // from the queue to a living runner
    settle,  // from a runner that is gone to the end of the job
  };
  struct Slot {
    std::string queue;
    std::string run_id;  // empty until its runner is about to come
    Step step = Step::launch;
    Runner runner;                           // who has it, where there is a pidfd
    Clock::time_point again = kNever;        // when the step is tried again
    bool ended_well = false;                 // the runner left nothing, and no doubt
    Clock::time_point since = Clock::now();  // when its runner came, once there is one
  };

  // Takes a slot; a worker has the job.
  void open(const std::string& job_id, const std::string& queue) { slots_[job_id].queue = queue; }
  // Its runner is about to come.
  void begin(const std::string& job_id, const std::string& run_id);
  // "runner" has it; when that ends, the run is to be settled.
  void watch(const std::string& job_id, Runner runner);
  // The runner is gone; a worker has the job.
  void runner_ended(const std::string& job_id, bool well);
  // Nobody has it until "at", when "step" is to be taken.
  void postpone(const std::string& job_id, Step step, Clock::time_point at);
  void close(const std::string& job_id) { slots_.erase(job_id); }
  void clear() { slots_.clear(); }

  // The jobs that nobody has any more, and the step of each; workers have them then.
  std::map<std::string, Step> take_due(Clock::time_point now);
  Clock::time_point next() const;

  // Null where the job has none.
  const Slot* find(const std::string& job_id) const;
  const std::map<std::string, Slot>& all() const { return slots_; }
  std::size_t size() const { return slots_.size(); }
  // How many jobs of each queue have one.
  std::map<std::string, std::size_t> per_queue() const;

 private:
  std::map<std::string, Slot> slots_;
};

}  // namespace domed

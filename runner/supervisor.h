#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runner/files.h"
#include "runner/link.h"
#include "runner/outbox.h"
#include "runner/process.h"
#include "runner/result.h"
#include "runner/spawn.h"
#include "runner/spec.h"
#include "runner/spool.h"
#include "runner/standstill.h"
#include "runner/stream.h"
#include "runner/typing.h"
#include "system/boot_clock.h"
#include "system/cgroup.h"

namespace domed {

// Supervises one job from `running` to its terminal event.  One thread, one
// poll loop; the link to the daemon has threads of its own.
//
// Before: every signal blocked, no nng thread yet, this process a child
// subreaper with no children.
class Supervisor {
 public:
  // "directory" is where spool and child.json go.
  Supervisor(Spec spec, std::string directory);

  // Returns the exit code: 0 where the daemon has (or will never want) the end
  // of the job, 1 where the spool still holds it.
  int run();

 private:
  using Clock = BootClock;

  bool announce();
  bool start();
  Chosen input() const;
  bool record_child(const Process& process);
  void capture();
  void drain();
  void end_streams();
  void kill_rest();
  void kill_tree();
  int deliver();

  void turn(Clock::time_point until);
  void read_streams(bool out_ready, bool err_ready);
  void pass_on(bool idle);
  bool blocked() const;
  Clock::time_point next_wake(Clock::time_point until) const;

  void reap();
  void note_signals();
  void check_stop();
  void begin_stop(Stop stop);
  void check_pause();
  Stop wanted_stop() const;
  Clock::time_point stop_at() const;
  std::chrono::milliseconds patience() const;
  bool forgotten() const;
  bool daemon_lost_job() const;

  void leave_nothing() const;
  int ended_refused() const;

  const Spec spec_;
  const std::string directory_;
  Fd wake_, signals_;
  const BootTimer timer_;  // ends the wait of turn()
  Spool spool_;
  Outbox outbox_;
  Link link_;

  OutputBudget budget_;
  const Masks masks_;
  std::optional<Stream> out_, err_;
  std::optional<Typing> typing_;  // where the command has a terminal
  const Cgroup cgroup_;
  Standstill standstill_;
  bool paused_ = false;
  pid_t child_ = 0;
  bool exited_ = false;
  bool childless_ = false;
  int status_ = 0;
  std::int64_t exited_at_ = 0;  // by the wall clock

  Stop stop_ = Stop::none;
  bool told_to_stop_ = false;
  std::string spawn_error_, lost_output_;
  Clock::time_point timeout_at_ = Clock::time_point::max();
  std::optional<Clock::duration> timeout_left_;  // while it is paused
  Clock::time_point kill_at_ = Clock::time_point::max();
};

}  // namespace domed

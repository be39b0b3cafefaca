#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runner/encoder.h"
#include "runner/spec.h"
#include "runner/spool.h"

namespace domed {

// Collects events into numbered batches and puts those into the spool.
class Outbox {
 public:
  // Well below what a batch may hold (protocol/limits.h): one that is full is sent at once.
  static constexpr std::size_t kMaxEvents = 1000;
  static constexpr std::size_t kMaxBytes = 200 * 1024;

  // "spool" outlives this.
  Outbox(const Spec& spec, Spool& spool);

  // "t": when it happened, microseconds since 1970; part of what is frozen, if the daemon knows
  // such a time.  Closes full batches on the way.
  void add(EncodedEvent event, std::int64_t t);
  void add(std::vector<EncodedEvent> events, std::int64_t t);

  // Puts what is open into the spool.  False where the disk refuses: it stays
  // open, and is to be tried again.
  bool close();

  bool empty() const { return open_.empty(); }
  // No more may be read from the job: too much waits for the daemon, or the disk
  // refuses.  A daemon that is there sets the pace: a cancel must not have to wait
  // for what was read ahead.  One that is away does not stop the job.
  bool blocked(bool daemon_away) const {
    return refused_ || spool_.unacknowledged_bytes() >= (daemon_away ? max_spool_ : max_ahead_);
  }
  bool disk_refuses() const { return refused_; }

 private:
  bool close_first(std::size_t count);

  std::string head_;  // of each line, up to the batch number
  const std::uint64_t max_spool_, max_ahead_;
  const bool times_;
  Spool& spool_;
  std::vector<EncodedEvent> open_;
  std::size_t bytes_ = 0;  // of open_
  std::uint64_t batch_ = 0;
  bool refused_ = false;
};

}  // namespace domed

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domed/leases.h"

namespace domed {

// How many jobs of a queue run at once, over all nodes: each has a slot, the key `queue/NAME/i`,
// which has no time of its own.  It is taken before the job is claimed, and given back after the
// job's end; the text names the node and the epoch that took it.
//
// Its holder is the job's id and the revision of the record on which the claim is to be made.  So
// what was taken for a claim that came to nothing is told from what the next one has, and a release
// that lands late frees nothing that is in use: the id alone would be the same for both.
inline constexpr std::string_view kQueueLease = "queue/";

struct QueueSlot {
  std::string key, holder;
  std::string queue, job_id, revision;  // the last in hexadecimal digits
  std::string node, epoch;              // who took it
  std::size_t index = 0;
};

// Which slot may be taken; nullopt: none.  Always the first that is free: so that, of any number
// who look at once, as many as "limit" get one, be there slots from when it was higher.
std::optional<std::size_t> free_slot(const std::vector<QueueSlot>& held, std::size_t limit);

// What the record of a slot's job says.
struct SlotsJob {
  bool is_there = false;  // not so where it was purged, or never made
  bool is_over = false;
  bool is_queued = false;
  bool is_claimed = false;   // queued, and a node's
  bool is_as_taken = false;  // its revision is the slot's: a claim on it may be under way
};
enum class SlotStep {
  keep,
  free,
  // First a new revision of the job's record, so that a claim still under way conflicts; then the
  // slot, if the record was as it is for that.
  fence_and_free,
};
// "taker_is_over": the lease of the epoch that took the slot is over, or its node has another.
SlotStep slot_step(const SlotsJob& job, bool taker_is_over);

// Takes and frees them.  Thread-safe; throws Error where the store does not answer.
class QueueSlots {
 public:
  // "node" and "epoch": who takes.  "leases" must outlive it.
  QueueSlots(Leases& leases, std::string node, std::string epoch);

  // Those that are taken, of "queue" or of all, as they were at one moment.
  std::vector<QueueSlot> held(const std::string& queue) const;
  std::vector<QueueSlot> held() const;
  // False: another one was faster.
  bool take(const std::string& queue, std::size_t index, const std::string& job_id,
            std::string_view revision);
  // One that is held, for the same claim, from now on by us.  False: it is not held so any more.
  bool take_on(const QueueSlot& slot);
  void free(const QueueSlot& slot) { leases_.release(slot.key, slot.holder); }

 private:
  Leases& leases_;
  const std::string words_;
};

}  // namespace domed

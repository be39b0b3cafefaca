#include "nodes/queue_slots.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/json.h"
#include "domed/support/hash.h"

namespace domed {
namespace {

// nullopt: no slot of ours has such a name.
std::optional<QueueSlot> slot_of(const Lease& lease) {
  const std::size_t last = lease.name.rfind('/');
  if (last < kQueueLease.size()) return std::nullopt;
  QueueSlot slot;
  const char* const end = lease.name.data() + lease.name.size();
  const auto [stop, wrong] = std::from_chars(lease.name.data() + last + 1, end, slot.index);
  if (wrong != std::errc() || stop != end) return std::nullopt;
  slot.key = lease.name;
  slot.holder = lease.holder;
  slot.queue = lease.name.substr(kQueueLease.size(), last - kQueueLease.size());
  const std::size_t space = lease.holder.rfind(' ');
  slot.job_id = lease.holder.substr(0, space);
  if (space != std::string::npos) slot.revision = lease.holder.substr(space + 1);
  const Json words = Json::parse(lease.text, nullptr, false);
  if (words.is_object()) slot.node = text_at(words, "node"), slot.epoch = text_at(words, "epoch");
  return slot;
}

std::vector<QueueSlot> slots_of(const std::vector<Lease>& leases) {
  std::vector<QueueSlot> out;
  for (const Lease& lease : leases)
    if (auto slot = slot_of(lease)) out.push_back(std::move(*slot));
  return out;
}

std::string prefix_of(const std::string& queue) {
  return std::string(kQueueLease) + queue + '/';
}

}  // namespace

// Who takes the first free one by what it saw has all below it counted, and those above it that
// were there then; of these no more come, but by the same rule.
std::optional<std::size_t> free_slot(const std::vector<QueueSlot>& held, std::size_t limit) {
  if (held.size() >= limit) return std::nullopt;
  std::set<std::size_t> taken;
  for (const QueueSlot& slot : held) taken.insert(slot.index);
  std::size_t first = 0;
  while (taken.contains(first)) ++first;
  return first;
}

SlotStep slot_step(const SlotsJob& job, bool taker_is_over) {
  if (!job.is_there || job.is_over) return SlotStep::free;
  if (!job.is_queued || job.is_claimed) return SlotStep::keep;
  if (!job.is_as_taken)
    return SlotStep::free;  // what it was taken for conflicts, or was taken back
  return taker_is_over ? SlotStep::fence_and_free : SlotStep::keep;
}

QueueSlots::QueueSlots(Leases& leases, std::string node, std::string epoch)
    : leases_(leases), words_(Json{{"node", node}, {"epoch", epoch}}.dump()) {}

// A name of a queue may have a '/' in it.
std::vector<QueueSlot> QueueSlots::held(const std::string& queue) const {
  auto out = slots_of(leases_.held(prefix_of(queue)));
  std::erase_if(out, [&](const QueueSlot& slot) { return slot.queue != queue; });
  return out;
}

std::vector<QueueSlot> QueueSlots::held() const {
  return slots_of(leases_.held(kQueueLease));
}

bool QueueSlots::take(const std::string& queue, std::size_t index, const std::string& job_id,
                      std::string_view revision) {
  return leases_.acquire(prefix_of(queue) + std::to_string(index), job_id + ' ' + to_hex(revision),
                         std::chrono::milliseconds(0), words_);
}

bool QueueSlots::take_on(const QueueSlot& slot) {
  return leases_.renew(slot.key, slot.holder, std::chrono::milliseconds(0), words_);
}

}  // namespace domed

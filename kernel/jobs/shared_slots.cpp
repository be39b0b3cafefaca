#include "jobs/shared_slots.h"

#include <algorithm>

#include "domed/support/hash.h"
#include "jobs/lineup.h"

namespace domed {
namespace {

QueueSlots& slots_of(const JobsContext& context) {
  return context.config.lease->slots();
}

// Nobody can tell of one whose record is damaged: it keeps its slot.
SlotsJob job_of(const JobsContext& context, const QueueSlot& slot) try {
  const auto record = context.store.find(slot.job_id);
  SlotsJob job;
  job.is_there = record && !record->tombstone;
  if (!job.is_there) return job;
  const JobHead head = head_of(*record);
  job.is_over = is_terminal(head.state);
  job.is_queued = head.state == State::queued;
  job.is_claimed = !head.node.empty();
  job.is_as_taken = to_hex(record->revision) == slot.revision;
  return job;
} catch (const Error& e) {
  if (e.code() != Code::corruption) throw;
  return {true, false, false, false, false};
}

// `Duties`: a claim that is under way was decided on the record as it was.
bool fence(const JobsContext& context, const QueueSlot& slot) {
  bool is_fenced = false;
  context.journal.run(slot.job_id, [&](JobLog& log) {
    is_fenced = !log.changed() && to_hex(log.stored_revision()) == slot.revision &&
                log.head().state == State::queued && log.head().node.empty();
    if (is_fenced) log.fence();
  });
  return is_fenced;
}

// Whether it was freed.
bool free_unneeded(const JobsContext& context, const QueueSlot& slot) {
  const bool is_over = context.config.lease->is_over(slot.node, slot.epoch);
  const SlotStep step = slot_step(job_of(context, slot), is_over);
  if (step == SlotStep::keep) return false;
  if (step == SlotStep::fence_and_free && !fence(context, slot)) return false;
  slots_of(context).free(slot);
  return true;
}

std::set<std::string> jobs_of(const std::vector<QueueSlot>& slots) {
  std::set<std::string> out;
  for (const QueueSlot& slot : slots) out.insert(slot.job_id);
  return out;
}

// nullopt: it has none, of which what it does not need any more is freed.
std::optional<QueueSlot> own_slot(const JobsContext& context, const JobRecord& record,
                                  std::vector<QueueSlot>& held) {
  const bool is_claimed = !head_of(record).node.empty();
  std::optional<QueueSlot> own;
  std::erase_if(held, [&](const QueueSlot& slot) {
    if (slot.job_id != record.job_id) return false;
    if (is_claimed || slot.revision == to_hex(record.revision)) return own = slot, false;
    return slots_of(context).free(slot), true;
  });
  return own;
}

}  // namespace

bool take_slot(const JobsContext& context, const JobRecord& record) {
  const std::string queue = queue_name(fixed_of(record));
  const auto limit = context.limit_of(queue);
  if (!limit || !context.config.lease) return true;
  QueueSlots& slots = slots_of(context);
  for (bool is_tidy = false;;) {  // again where another one was faster
    auto held = slots.held(queue);
    if (const auto own = own_slot(context, record, held)) {
      if (slots.take_on(*own)) return true;
    } else if (const auto index = free_slot(held, *limit)) {
      if (slots.take(queue, *index, record.job_id, record.revision)) return true;
    } else if (is_tidy) {
      return false;
    } else {
      for (const QueueSlot& slot : held) free_unneeded(context, slot);
      is_tidy = true;
    }
  }
}

void keep_slot(const JobsContext& context, const JobRecord& record) {
  const std::string queue = queue_name(fixed_of(record));
  if (!context.limit_of(queue)) return;
  QueueSlots& slots = slots_of(context);
  for (;;) {
    const auto held = slots.held(queue);
    if (jobs_of(held).contains(record.job_id)) return;
    const auto index = free_slot(held, held.size() + 1);
    if (slots.take(queue, *index, record.job_id, record.revision)) return;
  }
}

std::set<std::string> slot_holders(const JobsContext& context, const std::string& queue) {
  return jobs_of(slots_of(context).held(queue));
}

std::set<std::string> free_slots(const JobsContext& context, const std::string& queue,
                                 const std::string& job_id) {
  auto held = slots_of(context).held(queue);
  std::erase_if(held, [&](const QueueSlot& slot) {
    return slot.job_id == job_id && free_unneeded(context, slot);
  });
  return jobs_of(held);
}

SlotHolders free_slots(const JobsContext& context) {
  SlotHolders out;
  for (const QueueSlot& slot : slots_of(context).held())
    if (!free_unneeded(context, slot)) out[slot.queue].insert(slot.job_id);
  return out;
}

}  // namespace domed

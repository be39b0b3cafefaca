// follow=false gives every event up to the head there is, then ends.
#include "clause.h"

namespace domed::history {
namespace {

// The record before "t" that proves the farthest head of the log.
const Record* farthest(const History& history, const Log& log, std::int64_t t) {
  const Record* best = nullptr;
  std::uint64_t head = 0;
  const auto consider = [&](const Record* record, std::uint64_t reaches) {
    if (record->t < t && reaches > head && !history.forgot(log.store, record->t, t))
      best = record, head = reaches;
  };
  for (const auto& batch : log.acks) consider(batch.ack, batch.ack->head);
  for (const Record* status : log.statuses) consider(status, status->head);
  for (const auto& [seq, event] : log.events) consider(event.record, seq);
  return best;
}

}  // namespace

Found snapshot(const History& history) {
  for (const auto& follow : history.follows()) {
    if (follow.asked->tail || !follow.end) continue;
    if (follow.end->end != "snapshot" && follow.end->end != "terminal") continue;
    const Log* log = history.log_of(follow);
    const Record* known = log ? farthest(history, *log, follow.asked->t) : nullptr;
    const std::uint64_t head = !known ? 0 : known->what == "event" ? known->seq : known->head;
    if (follow.cursor() < head)
      return Finding{"a snapshot ended at seq " + std::to_string(follow.cursor()) +
                         " although the log reached " + std::to_string(head) + " before",
                     {known, follow.asked, follow.end}};
  }
  return {};
}

}  // namespace domed::history

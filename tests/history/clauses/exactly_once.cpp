// A follower delivers each event once, in order, from its cursor on.
#include "clause.h"

namespace domed::history {
namespace {

bool exists(const Log& log, std::uint64_t seq) {
  if (log.events.count(seq)) return true;
  for (const auto& batch : log.acks)
    if (batch.ack->first <= seq && seq <= batch.ack->head) return true;
  return false;
}

Found check(const Follow& follow, const History& history) {
  const Record* before = follow.asked;
  std::uint64_t cursor = follow.asked->since;
  for (const Record* event : follow.events) {
    if (event->seq <= cursor)
      return Finding{"seq " + std::to_string(event->seq) + " came again", {before, event}};
    if (event->seq != cursor + 1 && exists(*history.log_of(*event), cursor + 1))
      return Finding{"seq " + std::to_string(cursor + 1) + " was left out", {before, event}};
    cursor = event->seq;
    before = event;
  }
  return {};
}

}  // namespace

Found exactly_once(const History& history) {
  for (const auto& follow : history.follows())
    if (auto found = check(follow, history)) return found;
  return {};
}

}  // namespace domed::history

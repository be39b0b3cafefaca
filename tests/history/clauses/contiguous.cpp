// A job's events are numbered 1, 2, 3, ... without hole or reuse.
#include <algorithm>

#include "client/event_line.h"
#include "clause.h"

namespace domed::history {
namespace {

bool acknowledged(const Log& log, std::uint64_t seq) {
  return std::any_of(log.acks.begin(), log.acks.end(), [&](const Acknowledged& a) {
    return a.ack->first <= seq && seq <= a.ack->head;
  });
}

// A number between two that a follower got, and that nobody else has met either.
Found hole(const History& history) {
  for (const auto& follow : history.follows())
    for (std::size_t i = 1; i < follow.events.size(); ++i) {
      const Record &before = *follow.events[i - 1], &after = *follow.events[i];
      const Log* log = history.log_of(after);
      for (std::uint64_t seq = before.seq + 1; log && seq < after.seq; ++seq)
        if (!log->events.count(seq) && !acknowledged(*log, seq))
          return Finding{"no event has seq " + std::to_string(seq), {&before, &after}};
    }
  return {};
}

Found misnumbered(const Log& log) {
  for (const auto& [seq, event] : log.events) {
    const auto line = read_event_line(event.line);
    if (!line) return Finding{"this is no event line", {event.record}};
    if (line->seq != seq || seq == 0)
      return Finding{"delivered as seq " + std::to_string(seq) + ", the line says " +
                         std::to_string(line->seq),
                     {event.record}};
  }
  return {};
}

bool same_batch(const Record& a, const Record& b) {
  return a.producer == b.producer && a.batch == b.batch;
}

Found reuse(const Log& log) {
  auto acks = log.acks;
  std::sort(acks.begin(), acks.end(), [](const Acknowledged& a, const Acknowledged& b) {
    return a.ack->first < b.ack->first;
  });
  for (std::size_t i = 1; i < acks.size(); ++i) {
    const Record &one = *acks[i - 1].ack, &two = *acks[i].ack;
    if (!same_batch(one, two) && two.first <= one.head)
      return Finding{"two batches were given the same seq", {&one, &two}};
  }
  return {};
}

}  // namespace

Found contiguous(const History& history) {
  for (const auto& [id, log] : history.logs()) {
    if (auto found = misnumbered(log)) return found;
    if (auto found = reuse(log)) return found;
  }
  return hole(history);
}

}  // namespace domed::history

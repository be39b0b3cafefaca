// The state is the fold of the log: queued, provenance, running, a terminal state.
#include "clause.h"

namespace domed::history {
namespace {

// The events that a log must begin with, as far as they are known.
Found beginning(const Log& log) {
  std::string state;
  const Event* before = nullptr;
  for (const auto& [seq, event] : log.events) {
    if (!log.knows(1, seq)) return {};
    if (seq == 1 && event.to != "queued")
      return Finding{"the first event is not the change to queued", {event.record}};
    if (event.to == "running" && (seq != 3 || before->type != "provenance"))
      return Finding{"running does not follow queued and provenance", {event.record}};
    if (!event.to.empty()) {
      if (event.from != state)
        return Finding{"a change from '" + event.from + "' where the state is '" + state + "'",
                       {event.record}};
      state = event.to;
    }
    before = &event;
  }
  return {};
}

Found said(const Log& log, const Record& record) {
  const std::string state = log.state_at(record.head);
  if (state.empty() || record.state.empty() || state == record.state) return {};
  return Finding{"'" + record.state + "' at seq " + std::to_string(record.head) +
                     " where the events make it '" + state + "'",
                 {&record}};
}

}  // namespace

Found state_is_events(const History& history) {
  for (const auto& [id, log] : history.logs()) {
    if (auto found = beginning(log)) return found;
    for (const Record* status : log.statuses)
      if (auto found = said(log, *status)) return found;
    for (const auto& batch : log.acks)
      if (auto found = said(log, *batch.ack)) return found;
  }
  return {};
}

}  // namespace domed::history

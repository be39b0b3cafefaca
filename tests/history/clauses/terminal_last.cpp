// Exactly one terminal event, always the last; after it the log is sealed.
#include "clause.h"

namespace domed::history {

Found terminal_last(const History& history) {
  for (const auto& [id, log] : history.logs()) {
    const Event* terminal = log.terminal();
    if (!terminal) continue;
    const std::uint64_t last = terminal->record->seq;
    const auto after = log.events.upper_bound(last);
    if (after != log.events.end())
      return Finding{"an event follows the terminal one", {terminal->record, after->second.record}};
    for (const auto& batch : log.acks)
      if (batch.ack->head > last)
        return Finding{"a batch was accepted behind the terminal event",
                       {terminal->record, batch.ack}};
    for (const Record* status : log.statuses)
      if (status->head > last)
        return Finding{"the head lies behind the terminal event", {terminal->record, status}};
  }
  return {};
}

}  // namespace domed::history

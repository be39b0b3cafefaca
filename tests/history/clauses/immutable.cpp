// Equal (log_id, seq) means equal bytes, for ever.
#include "clause.h"

namespace domed::history {

Found immutable(const History& history) {
  for (const Record* record : history.records()) {
    if (record->what != "event") continue;
    const Log* log = history.log_of(*record);
    const Event& first = log->events.at(record->seq);
    if (first.line != record->line)
      return Finding{"seq " + std::to_string(record->seq) + " was delivered with other bytes",
                     {first.record, record}};
  }
  return {};
}

}  // namespace domed::history

// The same log is the same in every store: bytes, state and digests.
#include "clause.h"

namespace domed::history {
namespace {

Found compare(const Log& one, const Log& two) {
  for (const auto& [seq, event] : one.events) {
    const auto other = two.events.find(seq);
    if (other != two.events.end() && other->second.line != event.line)
      return Finding{"seq " + std::to_string(seq) + " has other bytes in another store",
                     {event.record, other->second.record}};
  }
  for (const Record* here : one.statuses)
    for (const Record* there : two.statuses)
      if (here->head == there->head &&
          (here->state != there->state || here->digest != there->digest))
        return Finding{"the status at the same seq differs between stores", {here, there}};
  return {};
}

}  // namespace

Found parity(const History& history) {
  std::map<std::string, const Log*> first;
  for (const auto& [id, log] : history.logs()) {
    const auto [it, fresh] = first.emplace(log.log, &log);
    if (fresh) continue;
    if (auto found = compare(*it->second, log)) return found;
  }
  return {};
}

}  // namespace domed::history

// What was shown or acknowledged is there afterwards.
#include "clause.h"

namespace domed::history {
namespace {

// What a record proves to be in its log, and how far.
std::uint64_t proven(const Record& record) {
  if (record.what == "appended" || record.what == "status") return record.head;
  if (record.what == "event") return record.seq;
  return record.what == "submitted" ? 1 : 0;
}

// How far the log reached when "record" was made; nullopt: it does not say.
std::optional<std::uint64_t> reached(const Record& record) {
  if (record.what == "status") return record.head;
  if (record.what == "refused" || record.what == "end") {
    if (record.error == "E_NOT_FOUND") return 0;
    if (record.error == "E_CURSOR_AHEAD" && record.head > 0) return record.head;
  }
  return std::nullopt;
}

}  // namespace

Found durable(const History& history) {
  std::map<std::string, const Record*> best;
  std::set<std::string> deleted;
  for (const Record* record : history.records()) {
    if (record->job.empty()) continue;
    const std::string job = record->store + '\n' + record->job;
    if (record->what == "deleted") deleted.insert(job);
    const auto known = best.find(job);
    const auto head = reached(*record);
    if (head && known != best.end() && *head < proven(*known->second) && !deleted.count(job) &&
        !history.forgot(record->store, known->second->t, record->t))
      return Finding{"seq " + std::to_string(proven(*known->second)) +
                         " was there, and afterwards the log ended at " + std::to_string(*head),
                     {known->second, record}};
    if (proven(*record) > (known == best.end() ? 0 : proven(*known->second))) best[job] = record;
  }
  return {};
}

}  // namespace domed::history

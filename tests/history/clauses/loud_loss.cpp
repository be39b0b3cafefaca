// Never an empty success where something is wrong.
#include "clause.h"

namespace domed::history {
namespace {

// What is known of a job at a time, from earlier records.
struct Known {
  const Record *made = nullptr, *trimmed = nullptr, *deleted = nullptr;
};

// The error that a request for events must get; empty: none, or it is not known.
std::string due(const Record& asked, const Known& known, const Log* log) {
  if (known.deleted) return "E_GONE";
  if (!known.made) return "";
  if (!asked.log.empty() && asked.log != known.made->log) return "E_LOG_CHANGED";
  if (log && log->terminal_seq() != 0 && asked.since > log->terminal_seq()) return "E_CURSOR_AHEAD";
  if (known.trimmed && asked.since + 1 < known.trimmed->first) return "E_COMPACTED";
  return "";
}

void learn(Known& known, const Record& record) {
  if (record.what == "submitted" || record.what == "status") known.made = &record;
  if (record.what == "trimmed") known.trimmed = &record;
  if (record.what == "deleted") known.deleted = &record;
}

const Record* cause(const Known& known, const std::string& error) {
  if (error == "E_GONE") return known.deleted;
  return error == "E_COMPACTED" ? known.trimmed : known.made;
}

}  // namespace

Found loud_loss(const History& history) {
  std::map<const Record*, const Follow*> follows;
  for (const auto& follow : history.follows()) follows[follow.asked] = &follow;
  std::map<std::string, Known> jobs;
  for (const Record* record : history.records()) {
    if (record->job.empty()) continue;
    Known& known = jobs[record->store + '\n' + record->job];
    learn(known, *record);
    const auto it = follows.find(record);
    if (it == follows.end() || !it->second->end) continue;
    const Record& end = *it->second->end;
    if (end.end != "terminal" && end.end != "snapshot") continue;
    const Log* log = known.made ? history.log_of(*known.made) : nullptr;
    const std::string error = due(*record, known, log);
    if (!error.empty() && !history.forgot(record->store, cause(known, error)->t, record->t))
      return Finding{"this should have ended with " + error,
                     {cause(known, error), record, &end}};
  }
  return {};
}

}  // namespace domed::history

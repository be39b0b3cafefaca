// log_id is 128 bits made with the job and kept with it.
#include "clause.h"

namespace domed::history {
namespace {

bool is_log_id(const std::string& text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

Found identity(const History& history) {
  std::map<std::string, const Record*> by_job, by_log;
  for (const Record* record : history.records()) {
    if (record->what != "submitted" && record->what != "event" && record->what != "status")
      continue;
    if (!is_log_id(record->log)) return Finding{"this log_id is not 32 hex characters", {record}};
    const Record*& job = by_job[record->store + '\n' + record->job];
    if (job && job->log != record->log && !history.forgot(record->store, job->t, record->t))
      return Finding{"the job has another log_id than before", {job, record}};
    job = record;
    const Record*& log = by_log[record->log];
    if (log && log->job != record->job)
      return Finding{"two jobs have the same log_id", {log, record}};
    log = record;
  }
  return {};
}

}  // namespace domed::history

// A follow ends although frames were lost: none is left without an end, and none
// needs its deadline, once the job is over.
#include "clause.h"

namespace domed::history {
namespace {

// The contract says 3 s; a loaded machine, or a daemon that is down, takes longer.
constexpr std::int64_t kPatience = 15'000'000;

// The first record that tells of the job's end.
const Record* over(const Log& log) {
  const Record* first = nullptr;
  const auto consider = [&](const Record* record) {
    if (!first || record->t < first->t) first = record;
  };
  if (const Event* terminal = log.terminal()) consider(terminal->record);
  for (const Record* status : log.statuses)
    if (is_terminal(status->state)) consider(status);
  for (const auto& batch : log.acks)
    if (is_terminal(batch.ack->state)) consider(batch.ack);
  return first;
}

}  // namespace

Found never_hangs(const History& history) {
  for (const auto& follow : history.follows()) {
    if (follow.killed) continue;
    const Log* log = history.log_of(follow);
    const Record* end_of_job = log ? over(*log) : nullptr;
    if (!end_of_job && !follow.end && follow.asked->tail) continue;  // the job goes on
    Finding finding{"", {follow.asked}};
    if (end_of_job) finding.excerpt.push_back(end_of_job);
    if (!follow.end) {
      finding.why = "the follow never ended";
      return finding;
    }
    if (follow.end->end != "deadline" || !end_of_job) continue;
    if (follow.end->t - std::max(end_of_job->t, follow.asked->t) < kPatience) continue;
    finding.why = "only its deadline ended the follow of a job that was over";
    finding.excerpt.push_back(follow.end);
    return finding;
  }
  return {};
}

}  // namespace domed::history

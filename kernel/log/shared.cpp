// The part of Journal that deals with a store which others write to as well.
#include "log/journal.h"

namespace domed {

// apply(), and once more where memory alone would have answered.  Behind a command that has
// something to be committed the commit tells whether both saw the truth.  Throws what load() does.
bool Journal::apply_truly(Queued& queued) {
  const bool is_through = apply(queued);
  const std::string& job_id = queued.command.job_id;
  if (!shared_ || fresh_.count(job_id) || logs_.at(job_id)->changed()) return is_through;
  queued.refused = nullptr;
  logs_.erase(job_id);
  load(job_id);
  return apply(queued);
}

// By a command that changes nothing: those that are parked come behind it.
void Journal::changed_elsewhere(const std::string& job_id) {
  {
    const std::lock_guard lock(mutex_);
    if (parks_ == 0) return;
  }
  Command command;
  command.job_id = job_id;
  command.apply = [](JobLog&, bool) { return true; };
  command.done = [](std::exception_ptr) {};
  try {
    push({std::move(command), {}, 0, {}}, false, false);
  } catch (const ApiError&) {  // it stops
  }
}

}  // namespace domed

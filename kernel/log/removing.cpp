// The part of JobLog that takes away: the front of a log, a whole one, its name.
#include <algorithm>

#include "log/job_log.h"
#include "log/refusal.h"
#include "protocol/api_error.h"

namespace domed {

void JobLog::trim(std::uint64_t first, std::uint64_t keep_from, const Digest& base,
                  std::uint64_t bytes) {
  must_exist();
  if (first != head_.first_seq)
    throw busy("job '" + job_id_ + "' was trimmed by someone else just now");
  head_.base_digest = base;
  head_.first_seq = keep_from;
  head_.bytes -= std::min(head_.bytes, bytes);
  action_ = Entry::Action::trim;
}

void JobLog::purge() {
  if (!is_visible()) throw no_such_job(job_id_);
  if (tombstone_) return;
  if (!is_terminal(head_.state))
    throw ApiError("E_INVALID_TRANSITION", "job '" + job_id_ + "' is " +
                                               std::string(state_name(head_.state)) +
                                               ": cancel it before you delete it");
  head_.purged = time();
  head_.submitter = fixed_.submitter;  // all else that is fixed is forgotten
  head_.retry_at = 0;
  action_ = Entry::Action::purge;
  tombstone_ = true;
}

void JobLog::drop() {
  if (exists_ && tombstone_) action_ = Entry::Action::drop;
}

void JobLog::abandon_import() {
  if (!exists_ || !head_.importing) return;
  head_.importing = false;
  head_.purged = environment_->now();
  head_.bytes = 0;
  action_ = Entry::Action::purge;
  tombstone_ = true;
}

// `Identity`: bytes may have been lost under the old name, and must not come again as others.
void JobLog::become(const std::string& log_id, const Digest& digest) {
  must_exist();
  head_.log_id = log_id;
  if (head_.first_seq == 1) head_.base_digest = base_of(log_id);
  head_.digest = digest;
  head_changed_ = true;
}

}  // namespace domed

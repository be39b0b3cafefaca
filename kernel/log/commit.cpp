#include "log/commit.h"

#include "log/job_log.h"

namespace domed {

Commit commit_of(const JobLog& log) {
  const JobHead& head = log.head();
  Commit commit;
  commit.job_id = log.job_id();
  commit.log_id = head.log_id;
  commit.head = head.head_seq;
  commit.first_seq = head.first_seq;
  commit.state = head.state;
  commit.external = head.external;
  commit.cancel_requested = head.cancel_requested != 0;
  commit.held = head.held;
  commit.retry = head.retry_at != 0;
  commit.gone = log.is_tombstone();
  if (head.external && !commit.gone) commit.expires = log.fixed().expires();
  return commit;
}

}  // namespace domed

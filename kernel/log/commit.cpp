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
  commit.paused = head.is_paused();
  commit.retry = head.retry_at != 0;
  commit.gone = log.is_tombstone();
  if (head.external && !commit.gone) commit.expires = log.fixed().expires();
  return commit;
}

namespace {

std::string what_runs(const JobFixed& fixed) {
  if (!fixed.tool_id().empty()) return fixed.tool_id();
  const Json command = fixed.request.value("command", Json());
  return command.is_array() && !command.empty() ? command.at(0).get<std::string>() : "";
}

}  // namespace

JobNews news_of(const JobLog& log) {
  const JobHead& head = log.head();
  const JobFixed& fixed = log.fixed();
  return {log.job_id(), fixed.name,   fixed.submitter,   what_runs(fixed),
          head.state,   head.reason,  head.message,      head.exit_code,
          head.signal,  head.created, head.started_at(), head.ended_at()};
}

}  // namespace domed

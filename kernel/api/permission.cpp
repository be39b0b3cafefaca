#include "api/permission.h"

namespace domed {

ApiError forbidden(const Identity& who, Role needed, std::string_view deed) {
  const std::string role(role_name(who.role)), least(role_name(needed));
  return {"E_FORBIDDEN",
          std::string(deed) + " needs the role " + least + ": you are " + who.name + ", " +
              (who.role == Role::none ? "who has no role here" : "whose role here is " + role) +
              " ('roles' of the listener in the deployment)",
          {{"identity", who.name}, {"role", role}, {"needs", least}}};
}

void must_have_role(const Identity& who, Role needed, std::string_view deed) {
  if (who.role < needed) throw forbidden(who, needed, deed);
}

void must_own(const Identity& who, const std::string& submitter, const std::string& job_id) {
  if (who.role >= Role::admin || (!submitter.empty() && submitter == who.name)) return;
  throw forbidden(who, Role::admin,
                  "changing job '" + job_id + "', which was submitted by " +
                      (submitter.empty() ? "somebody unknown," : submitter + ","));
}

void must_own(const Identity& who, const JobLog& log) {
  if (log.is_visible() && !log.is_tombstone()) must_own(who, log.submitter(), log.job_id());
}

void must_be_let_run(const Identity& who, const JobFixed& job) {
  if (job.tool_id().empty() && !job.external())
    must_have_role(who, Role::admin, "running a command, and not a tool of the deployment,");
}

void must_be_let_run(const Identity& who, const JobLog& log) {
  if (log.is_visible() && !log.is_tombstone()) must_be_let_run(who, log.fixed());
}

}  // namespace domed

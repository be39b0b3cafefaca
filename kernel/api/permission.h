#pragma once

#include <string>
#include <string_view>

#include "log/job_log.h"
#include "protocol/api_error.h"
#include "protocol/identity.h"

namespace domed {

// What is refused to "who", who would need the role "needed" for "deed" ("CancelJob", "running a
// command").
ApiError forbidden(const Identity& who, Role needed, std::string_view deed);

// Throws ApiError(E_FORBIDDEN).
void must_have_role(const Identity& who, Role needed, std::string_view deed);
// The same where "job_id" is neither "who"'s own nor "who" an operator; of a job from before there
// were submitters nobody is the owner.
void must_own(const Identity& who, const std::string& submitter, const std::string& job_id);
// Of a log that is there; what is not, a tombstone too, is left to whoever would change it.
void must_own(const Identity& who, const JobLog& log);
// The same where "who" may not let "job" run: a command, which is no tool of the deployment's and
// nobody else's to run, takes an operator, whoever submitted it.
void must_be_let_run(const Identity& who, const JobFixed& job);
void must_be_let_run(const Identity& who, const JobLog& log);

}  // namespace domed

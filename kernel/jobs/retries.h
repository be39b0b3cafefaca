#pragma once

#include <string>

#include "jobs/context.h"

namespace domed {

// Makes the job that tries "job_id" again (log/retry.h says which).  Two commits, the new job
// first: the daemon that comes after one that died in between makes the same job again, which
// changes nothing.  Throws what the store or the journal throws where another try may help.
void make_next_attempt(const JobsContext& context, const std::string& job_id);

}  // namespace domed

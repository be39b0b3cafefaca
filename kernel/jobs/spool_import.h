#pragma once

#include <string>

#include "jobs/context.h"
#include "jobs/run_dir.h"
#include "log/job.h"

namespace domed {

// Sends the batches of a dead runner again; one that had arrived before changes nothing.  Returns
// why it ended early, where no repetition can help; throws where one can.
std::string import_spool(const JobsContext& context, const JobHead& head, JobFixed job,
                         const RunDir& dir);

}  // namespace domed

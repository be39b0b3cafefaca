#pragma once

#include "jobs/context.h"
#include "log/job.h"
#include "log/job_log.h"
#include "nodes/ownership.h"

namespace domed {

// Whose a job is, for a daemon that is one of several on its store.  One that is alone has all.

// What the record says, as nodes/ownership.h decides by it.
Whose whose(const JobHead& head, const JobFixed& fixed);

// What the node "self", whose lease is "standing", may do with "batch" by the record of "log".
void take_at(Batch& batch, const JobLog& log, const std::string& self, Standing standing);

// `OwnOnly`: whether the job's run is this node's to recover, to signal and to settle.
bool is_ours(const JobsContext& context, const JobHead& head);

// Whether the run is as it was "then": neither taken from us meanwhile nor given to us anew.  To be
// asked where what is then done is committed.
bool is_still(const JobsContext& context, const JobHead& then, const JobHead& now);

}  // namespace domed

#pragma once

#include "jobs/context.h"
#include "log/job.h"
#include "nodes/ownership.h"

namespace domed {

// Whose a job is, for a daemon that is one of several on its store.  One that is alone has all.

// What the record says, as nodes/ownership.h decides by it.
Whose whose(const JobHead& head, const JobFixed& fixed);

// `OwnOnly`: whether the job's run is this node's to recover, to signal and to settle.
bool is_ours(const JobsContext& context, const JobHead& head);

// Whether the run is as it was "then": neither taken from us meanwhile nor given to us anew.  To be
// asked where what is then done is committed.
bool is_still(const JobsContext& context, const JobHead& then, const JobHead& now);

}  // namespace domed

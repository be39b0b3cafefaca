#pragma once

#include "base/json.h"
#include "domed/store.h"
#include "log/job.h"

namespace domed {

// The JSON objects that GetJobStatus and ListJobs show of a job.  A damaged record is
// Error(corruption) in a status; in a list it costs its own line only.
OrderedJson status_json(const JobRecord& record);
OrderedJson summary_json(const JobRecord& record);
// "reason", "message", "exit_code" and "signal", as far as it has them.
void put_how_it_ended(OrderedJson& out, const JobHead& head);

// Whether listings show "record": no copy whose import has not ended, which is not there yet, and
// nothing of the kernel's own.
bool is_shown(const JobRecord& record);

}  // namespace domed

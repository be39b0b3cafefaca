#pragma once

#include <functional>
#include <string>

#include "domed/store.h"
#include "log/journal.h"
#include "protocol/call.h"

namespace domed {

// How every method that changes a job does it: the journal applies the change, and the client is
// answered when that is durable, by the thread that committed it.  So "result" must not block, and
// asks neither store nor journal.
struct JobChange {
  std::string job_id;
  // Throws ApiError for what it refuses to "who", who asked, as they are by then.
  std::function<void(JobLog&, const Identity& who)> apply;
  std::function<std::string()> result;  // JSON text, of what "apply" saw
  // Answers the call in its own time, and "result" is only told of (api/audit.h).
  std::function<void(const Call&)> answer{};
  bool exclusive = false;  // see Journal::Command
  bool owned = false;      // only the job's submitter and operators may
};

// Throws ApiError(E_BUSY) where the journal is full; "call" is then not answered.
void submit(Journal& journal, Call call, JobChange change);

// The record of a job that is there.  Throws ApiError(E_NOT_FOUND, E_GONE).
JobRecord existing(const Store& store, const std::string& job_id);

}  // namespace domed

#include "jobs/spool_import.h"

#include "log/append.h"
#include "protocol/api_error.h"

namespace domed {
namespace {

// The runner may have died before it learned that a batch had arrived.
bool has_batch(const JobHead& head, const Batch& batch) {
  return batch.number <= head.last_batch(batch.producer_id);
}

void import_line(const JobsContext& context, const JobFixed& job, const std::string& line) {
  AppendRequest request = read_append(compact_json(line));
  request.batch.producer_token = job.producer_token;  // no file has it
  if (request.job_id != job.job_id) throw ApiError("E_INVALID_REQUEST", "a batch of another job");
  if (request.ends())
    request.batch.provenance_end =
        context.provenance.collect_end(job, working_dir(context.config.run, job));
  context.journal.run(job.job_id, [&](JobLog& log) {
    AppendResult result;
    if (!has_batch(log.head(), request.batch)) log.append(request.batch, true, result);
  });
}

}  // namespace

std::string import_spool(const JobsContext& context, const JobFixed& job, const RunDir& dir) {
  std::string refused;
  const auto take = [&](const std::string& line) {
    if (context.stopping()) throw ApiError("E_BUSY", "the daemon is stopping");
    try {
      import_line(context, job, line);
      return true;
    } catch (const ApiError& e) {
      if (e.retryable() && e.name() != "E_BATCH_GAP") throw;
      if (e.name() != "E_SEALED") refused = e.what();
    } catch (const Error& e) {
      refused = e.what();
    }
    return false;
  };
  try {
    dir.read_spool(take);
  } catch (const Error& e) {
    if (e.code() != Code::unsupported) throw;
    refused = e.what();
  }
  return refused;
}

}  // namespace domed

#include "jobs/spool_import.h"

#include "jobs/whose.h"
#include "log/append.h"
#include "protocol/api_error.h"

namespace domed {
namespace {

// The runner may have died before it learned that a batch had arrived.
bool has_batch(const JobHead& head, const Batch& batch) {
  return batch.number <= head.last_batch(batch.producer_id);
}

void import_line(const JobsContext& context, const JobHead& then, JobFixed& job,
                 const std::string& line) {
  std::string params = compact_json(line);
  AppendRequest request = read_append(params);
  request.batch.is_of_run = true;  // no file has its token
  if (request.job_id != job.job_id) throw ApiError("E_INVALID_REQUEST", "a batch of another job");
  if (request.starts() && job.provenance.empty())
    request.batch.provenance = job.provenance = context.looks.result(job, Door::ipc);
  if (request.ends())
    request.batch.provenance_end =
        context.provenance.collect_end(job, site_of(context.config.run, job, Door::ipc));
  context.journal.run(job.job_id, [&](JobLog& log) {
    if (!is_still(context, then, log.head()))
      throw ApiError("E_UNAUTHORIZED", "the run was taken from this node");
    AppendResult result;
    if (!has_batch(log.head(), request.batch)) log.append(request.batch, true, result);
  });
}

}  // namespace

std::string import_spool(const JobsContext& context, const JobHead& head, JobFixed job,
                         const RunDir& dir) {
  std::string refused;
  const auto take = [&](const std::string& line) {
    if (context.stopping()) throw ApiError("E_BUSY", "the daemon is stopping");
    try {
      import_line(context, head, job, line);
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
    const std::size_t torn = dir.read_spool(take);
    if (torn > 0) refused = "its last " + std::to_string(torn) + " bytes are no whole batch";
  } catch (const Error& e) {
    if (e.code() != Code::unsupported) throw;
    refused = e.what();
  }
  return refused;
}

}  // namespace domed

#include "log/present_store.h"

#include "log/job.h"
#include "protocol/api_error.h"
#include "protocol/job_id.h"

namespace domed {

// One that cannot be read says so to whoever reads it.
bool PresentStore::is_former(const JobRecord& record) const try {
  if (!record.columns.unfinished || record.tombstone || is_kernels_own(record.job_id)) return false;
  return is_of_former_life(JobHead::decode(record.head), incarnation_);
} catch (const Error&) {
  return false;
}

std::vector<Outcome> PresentStore::commit(std::span<const Entry> entries) {
  return store_.commit(entries);
}

std::optional<Slice> PresentStore::read(std::string_view job_id, std::uint64_t from,
                                        std::size_t max_events, std::size_t max_bytes,
                                        Direction direction) const {
  auto slice = store_.read(job_id, from, max_events, max_bytes, direction);
  if (!slice || !is_former(slice->job)) return slice;
  renew_(slice->job.job_id);
  return store_.read(job_id, from, max_events, max_bytes, direction);
}

std::optional<JobRecord> PresentStore::find(std::string_view job_id) const {
  auto record = store_.find(job_id);
  if (!record || !is_former(*record)) return record;
  renew_(record->job_id);
  return store_.find(job_id);
}

JobPage PresentStore::list(const ListQuery& query) const {
  auto page = store_.list(query);
  for (JobRecord& record : page.jobs) {
    if (!is_former(record)) continue;
    try {
      renew_(record.job_id);
      auto now = store_.find(record.job_id);
      if (now && !now->tombstone) record = std::move(*now);
    } catch (const Error& e) {
      if (e.code() != Code::corruption) throw;
      record.head.clear();
    } catch (const ApiError& e) {
      if (e.retryable()) throw;
      record.head.clear();
    }
  }
  return page;
}

}  // namespace domed

#include "nodes/held_store.h"

namespace domed {

std::vector<Outcome> HeldStore::commit(std::span<const Entry> entries) {
  if (!lease_.may_commit())
    throw Error(Code::io,
                "this daemon's lease on the store is over: nothing is kept until it is renewed");
  return store_.commit(entries);
}

std::optional<Slice> HeldStore::read(std::string_view job_id, std::uint64_t from,
                                     std::size_t max_events, std::size_t max_bytes,
                                     Direction direction) const {
  return store_.read(job_id, from, max_events, max_bytes, direction);
}

std::optional<JobRecord> HeldStore::find(std::string_view job_id) const {
  return store_.find(job_id);
}

JobPage HeldStore::list(const ListQuery& query) const {
  return store_.list(query);
}

}  // namespace domed

#include "log/records.h"

#include <algorithm>
#include <tuple>

#include "protocol/damage.h"
#include "protocol/job_id.h"
#include "protocol/limits.h"

namespace domed {
namespace {

constexpr std::size_t kPage = 100;
constexpr std::size_t kPageBytes = 4u << 20;  // a record may hold a whole request

}  // namespace

namespace {

// A place that was damaged on the medium could send us round for ever.
void must_go_on(const ListQuery& query, const JobRecord& record) {
  const bool first = query.before == 0 && query.before_id.empty();
  if (first ||
      std::tie(record.columns.created, record.job_id) < std::tie(query.before, query.before_id))
    return;
  throw Damage(record.job_id, 0,
               "the place of job '" + record.job_id +
                   "' in the store's list is damaged: what comes behind it cannot be listed");
}

}  // namespace

void each_record(const Store& store, ListQuery query,
                 const std::function<bool(const JobRecord&)>& each) {
  query.limit = kPage;
  query.max_bytes = kPageBytes;
  for (auto page = store.list(query); !page.empty(); page = store.list(query)) {
    for (const auto& record : page)
      if (!is_kernels_own(record.job_id) && !each(record)) return;
    must_go_on(query, page.back());
    query.before = page.back().columns.created;
    query.before_id = page.back().job_id;
  }
}

bool each_line(const Store& store, const std::string& job_id, std::uint64_t from, std::uint64_t end,
               const std::function<void(std::string_view line)>& each) {
  for (std::uint64_t seq = from; seq < end;) {
    const auto slice = store.read(job_id, seq, limits::kPageEvents, limits::kPageBytesMost);
    if (!slice || slice->ends.empty() || slice->from != seq) return false;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < slice->ends.size() && seq < end; ++i, ++seq) {
      each(std::string_view(slice->events).substr(begin, slice->ends[i] - begin - 1));
      begin = slice->ends[i];
    }
  }
  return true;
}

std::vector<std::string> unfinished_jobs(const Store& store) {
  std::vector<std::string> ids;
  ListQuery query;
  query.unfinished = true;
  each_record(store, query, [&](const JobRecord& record) {
    ids.push_back(record.job_id);
    return true;
  });
  std::reverse(ids.begin(), ids.end());
  return ids;
}

}  // namespace domed

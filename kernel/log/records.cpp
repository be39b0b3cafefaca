#include "log/records.h"

#include <algorithm>
#include <tuple>

#include "domed/store_rules.h"
#include "protocol/damage.h"
#include "protocol/job_id.h"
#include "protocol/limits.h"

namespace domed {
namespace {

constexpr std::size_t kPage = 100;
constexpr std::size_t kPageBytes = 4u << 20;  // a record may hold a whole request

}  // namespace

void turn(const JobPage& page, ListQuery& query) {
  if (!query.id_prefix.empty() && page.after_id <= query.after_id)
    throw Damage(page.after_id, 0,
                 "the place of job '" + page.after_id +
                     "' among the store's ids is damaged: what comes behind it cannot be found");
  const bool first = query.before == 0 && query.before_id.empty();
  if (!first && std::tie(page.before, page.before_id) >= std::tie(query.before, query.before_id))
    throw Damage(page.before_id, 0,
                 "the place of job '" + page.before_id +
                     "' in the store's list is damaged: what comes behind it cannot be listed");
  go_on(page, query);
}

void each_record(const Store& store, ListQuery query,
                 const std::function<bool(const JobRecord&)>& each) {
  query.limit = std::min(query.limit, kPage);
  query.max_bytes = kPageBytes;
  for (;;) {
    const JobPage page = store.list(query);
    for (const auto& record : page.jobs)
      if (!is_kernels_own(record.job_id) && !each(record)) return;
    if (!page.more) return;
    turn(page, query);
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

#include "list_scan.h"

#include <iterator>
#include <map>
#include <string>

#include "domed/store_rules.h"
#include "rows.h"

namespace domed {

const std::string& behind_all() {
  static const std::string bytes(rules::kMaxJobId + 1, '\xff');
  return bytes;
}

Place bound_of(const ListQuery& query) {
  if (query.before == 0 && query.before_id.empty()) return {INT64_MAX, behind_all()};
  return {query.before, query.before_id};
}

std::vector<std::pair<Place, std::int64_t>> scan_jobs(sqlite::Connection& connection,
                                                      const ListQuery& query) {
  const bool by_id = !query.id_prefix.empty();
  const Place bound = bound_of(query);
  const auto asked_for = [&](const JobRecord& job, const Place& place) {
    if (!matches(query, job)) return false;
    return by_id ? job.job_id.starts_with(query.id_prefix) && job.job_id > query.after_id
                 : place < bound;
  };
  const auto before = [by_id](const Place& a, const Place& b) {
    return by_id ? a.job_id < b.job_id : a > b;
  };
  std::map<Place, std::int64_t, decltype(before)> page(before);
  auto rows = connection.query("SELECT no, " DOMED_RECORD_COLUMNS " FROM jobs");
  while (rows.step()) {
    const std::int64_t no = rows.integer();
    const JobRecord job = record_of(rows, false);
    Place place{job.columns.created, job.job_id};
    if (!asked_for(job, place)) continue;
    page.emplace(std::move(place), no);
    if (page.size() > query.limit) page.erase(std::prev(page.end()));
  }
  return {page.begin(), page.end()};
}

}  // namespace domed

#include "log/records.h"

#include <algorithm>

namespace domed {
namespace {

constexpr std::size_t kPage = 100;
constexpr std::size_t kPageBytes = 4u << 20;  // a record may hold a whole request

}  // namespace

void each_record(const Store& store, ListQuery query,
                 const std::function<bool(const JobRecord&)>& each) {
  query.limit = kPage;
  query.max_bytes = kPageBytes;
  for (auto page = store.list(query); !page.empty(); page = store.list(query)) {
    for (const auto& record : page)
      if (!each(record)) return;
    query.before = page.back().columns.created;
  }
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

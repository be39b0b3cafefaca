#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "domed/store.h"
#include "sqlite.h"

namespace domed {

// The names of the lists that a job of these columns stands in (schema.h).
std::vector<std::string> lists_of(const JobColumns& columns, bool tombstone);

// One page of records, from one snapshot.  Where a list is damaged, "tell" hears of it and the
// page is made from the records instead, all of which are read: the only page that may take long.
JobPage list_jobs(sqlite::Connection& connection, const ListQuery& query,
                  const std::function<void(const std::string&)>& tell);

}  // namespace domed

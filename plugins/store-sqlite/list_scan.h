#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "domed/store.h"
#include "list_walk.h"
#include "sqlite.h"

namespace domed {

// No id is as long, and none behind it: behind all of one "created", or of one prefix.
const std::string& behind_all();
// The place behind which a page by time begins.
Place bound_of(const ListQuery& query);

// The jobs of a page and their numbers, in the order of "query", found by reading every row of
// jobs: for where the lists are damaged.  At most query.limit; bytes are left to the caller.
std::vector<std::pair<Place, std::int64_t>> scan_jobs(sqlite::Connection& connection,
                                                      const ListQuery& query);

}  // namespace domed

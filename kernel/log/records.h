#pragma once

#include <functional>
#include <string>
#include <vector>

#include "domed/store.h"

namespace domed {

// Goes through the records of jobs that "query" selects, newest first, a bounded page in memory at
// a time, until "each" returns false.  Throws what the store throws.
void each_record(const Store& store, ListQuery query,
                 const std::function<bool(const JobRecord&)>& each);

// Oldest first.
std::vector<std::string> unfinished_jobs(const Store& store);

}  // namespace domed

#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "domed/store.h"

namespace domed {

// Makes "query", which is by time, that of the page behind "page", which has more.  Throws Damage
// where that one does not lie behind it: a place that was damaged on the medium could send us
// round for ever.
void turn(const JobPage& page, ListQuery& query);

// Goes through the records of jobs that "query" selects, in its order, a bounded page in memory at
// a time (of "query.limit" where that is less), until "each" returns false.  Throws what the store
// throws.
void each_record(const Store& store, ListQuery query,
                 const std::function<bool(const JobRecord&)>& each);

// Gives the lines of "job_id" from seq "from" to before "end" to "each", without their LF, a
// bounded page in memory at a time.  False: the log does not have them any more.  Throws what the
// store throws.
bool each_line(const Store& store, const std::string& job_id, std::uint64_t from, std::uint64_t end,
               const std::function<void(std::string_view line)>& each);

// Oldest first.
std::vector<std::string> unfinished_jobs(const Store& store);

}  // namespace domed

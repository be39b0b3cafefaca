#pragma once

#include <optional>
#include <string_view>

#include "connection.h"
#include "domed/store.h"

namespace domed::postgres {

// Each is one statement, and so one snapshot.  Arguments as in Store.
std::optional<Slice> read_log(Connection& connection, Deadline deadline, std::string_view job_id,
                              std::uint64_t from, std::size_t max_events, std::size_t max_bytes,
                              Direction direction);
std::optional<JobRecord> find_job(Connection& connection, Deadline deadline,
                                  std::string_view job_id);
// Of a query that was checked.
JobPage list_jobs(Connection& connection, Deadline deadline, const ListQuery& query);

}  // namespace domed::postgres

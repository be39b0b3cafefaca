#include "store_postgres.h"

#include <algorithm>
#include <utility>

#include "domed/store_rules.h"
#include "job_reader.h"

namespace domed {

using postgres::Connection;
using postgres::Deadline;

StorePostgres::StorePostgres(postgres::Settings settings)
    : server_(std::move(settings)),
      writer_(server_),
      readers_(server_, server_.settings().readers),
      leases_(server_),
      watcher_(server_),
      announcer_(server_) {}

std::vector<Outcome> StorePostgres::commit(std::span<const Entry> entries) {
  check_batch(entries);
  std::vector<Outcome> outcomes = writer_.commit(entries);
  if (std::find(outcomes.begin(), outcomes.end(), Outcome::done) != outcomes.end())
    announcer_.announce();
  return outcomes;
}

std::optional<Slice> StorePostgres::read(std::string_view job_id, std::uint64_t from,
                                         std::size_t max_events, std::size_t max_bytes,
                                         Direction direction) const {
  writer_.settle();
  return readers_.run([&](Connection& connection, Deadline deadline) {
    return postgres::read_log(connection, deadline, job_id, from, max_events, max_bytes, direction);
  });
}

std::optional<JobRecord> StorePostgres::find(std::string_view job_id) const {
  writer_.settle();
  return readers_.run([&](Connection& connection, Deadline deadline) {
    return postgres::find_job(connection, deadline, job_id);
  });
}

JobPage StorePostgres::list(const ListQuery& query) const {
  check_query(query);
  writer_.settle();
  return readers_.run([&](Connection& connection, Deadline deadline) {
    return postgres::list_jobs(connection, deadline, query);
  });
}

Changes StorePostgres::wait(const std::string& cursor, std::chrono::milliseconds timeout) {
  return watcher_.wait(cursor, timeout);
}

void StorePostgres::interrupt() {
  watcher_.interrupt();
}

bool StorePostgres::acquire(std::string_view name, std::string_view holder,
                            std::chrono::milliseconds ttl, std::string_view text) {
  return leases_.acquire(name, holder, ttl, text);
}

bool StorePostgres::renew(std::string_view name, std::string_view holder,
                          std::chrono::milliseconds ttl, std::string_view text) {
  return leases_.renew(name, holder, ttl, text);
}

void StorePostgres::release(std::string_view name, std::string_view holder) {
  leases_.release(name, holder);
}

std::vector<Lease> StorePostgres::held(std::string_view prefix) const {
  return leases_.held(prefix);
}

}  // namespace domed

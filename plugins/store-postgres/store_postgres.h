#pragma once

#include "announcer.h"
#include "connections.h"
#include "domed/leases.h"
#include "domed/store.h"
#include "domed/watch.h"
#include "job_writer.h"
#include "lease_rows.h"
#include "server.h"
#include "watcher.h"

namespace domed {

// A store in one schema of a PostgreSQL database, which others may have open too; schema.h
// describes the tables.  Each call is one round trip, and waits for no other call of this object
// but for a free connection.
class StorePostgres : public Store, public Watch, public Leases {
 public:
  explicit StorePostgres(postgres::Settings settings);

  Durability durability() const noexcept override { return server_.durability(); }
  std::string incarnation() const override { return server_.incarnation(); }
  std::vector<Outcome> commit(std::span<const Entry> entries) override;
  std::optional<Slice> read(std::string_view job_id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes, Direction direction) const override;
  std::optional<JobRecord> find(std::string_view job_id) const override;
  JobPage list(const ListQuery& query) const override;

  Changes wait(const std::string& cursor, std::chrono::milliseconds timeout) override;
  void interrupt() override;

  bool acquire(std::string_view name, std::string_view holder, std::chrono::milliseconds ttl,
               std::string_view text) override;
  bool renew(std::string_view name, std::string_view holder, std::chrono::milliseconds ttl,
             std::string_view text) override;
  void release(std::string_view name, std::string_view holder) override;
  std::vector<Lease> held(std::string_view prefix) const override;

 private:
  mutable postgres::Server server_;
  mutable postgres::JobWriter writer_;
  mutable postgres::Connections readers_;
  mutable postgres::LeaseRows leases_;
  postgres::Watcher watcher_;
  postgres::Announcer announcer_;
};

}  // namespace domed

#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "change_list.h"
#include "domed/leases.h"
#include "domed/watch.h"
#include "lease_table.h"
#include "store_memory.h"

namespace domed {

// What all objects on one place have in common.
struct MemoryPlace {
  // The one of this name in this process, or a new one; of an empty name always a new one.  It
  // lasts as long as somebody holds it.
  static std::shared_ptr<MemoryPlace> named(const std::string& name);

  StoreMemory jobs;
  ChangeList changes{jobs.incarnation()};
  LeaseTable leases;
  // Held by the writer whose commit is under way: StoreMemory has one at a time, and changes are
  // told in the order in which they became visible.
  std::mutex writing;
};

// A store in memory that others in this process may open too, as daemons on several machines
// open one on a server: several kernels meet in it without one.
class SharedMemory : public Store, public Watch, public Leases {
 public:
  explicit SharedMemory(std::shared_ptr<MemoryPlace> place) : place_(std::move(place)) {}

  Durability durability() const noexcept override { return place_->jobs.durability(); }
  std::string incarnation() const override { return place_->jobs.incarnation(); }
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
  void tell(const Entry& entry);

  const std::shared_ptr<MemoryPlace> place_;
  bool interrupted_ = false;  // guarded by the place's changes
};

}  // namespace domed

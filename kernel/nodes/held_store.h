#pragma once

#include <functional>
#include <utility>

#include "domed/store.h"
#include "nodes/place_lease.h"

namespace domed {

// The store of a daemon that has the place: takes commits only while its lease lasts.  Reads go
// on: what they show is what the store has.
//
// Thread safety: that of the store behind it.
class HeldStore final : public Store {
 public:
  HeldStore(Store& store, const PlaceLease& lease) : store_(store), lease_(lease) {}

  Durability durability() const noexcept override { return store_.durability(); }
  std::string incarnation() const override { return store_.incarnation(); }
  std::vector<Outcome> commit(std::span<const Entry> entries) override;
  std::optional<Slice> read(std::string_view job_id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes, Direction direction) const override;
  std::optional<JobRecord> find(std::string_view job_id) const override;
  JobPage list(const ListQuery& query) const override;

 private:
  Store& store_;
  const PlaceLease& lease_;
};

// Both together, as a daemon has them.
class HeldPlace {
 public:
  // Takes the place, or throws Error(conflict) that names who has it, and keeps it until the end
  // of this object; "lost" hears, once, that it is another's.
  HeldPlace(Store& store, Leases& leases, PlaceLease::Self self, std::function<void()> lost)
      : lease_(leases, std::move(self), PlaceLease::Settings()), store_(store, lease_) {
    lease_.take();
    lease_.keep(std::move(lost));
  }
  Store& store() { return store_; }

 private:
  PlaceLease lease_;
  HeldStore store_;
};

}  // namespace domed

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domed/store.h"

namespace domed {

// The store as all but the journal see it: a log that was last written in a former life of the
// store, and goes on, gets its new log_id before anything of it is shown (is_of_former_life).
// Whoever asks first waits for that; nobody sweeps.  A page of records that has one which cannot
// be renewed shows it as damaged.
//
// Thread safety: that of the store behind it; not for a thread that commits.
class PresentStore final : public Store {
 public:
  // Journal::renew.
  using Renew = std::function<void(const std::string& job_id)>;

  explicit PresentStore(Store& store) : store_(store), incarnation_(store.incarnation()) {}
  // Before anybody reads.
  void renew_with(Renew renew) { renew_ = std::move(renew); }

  Durability durability() const noexcept override { return store_.durability(); }
  std::string incarnation() const override { return incarnation_; }
  std::vector<Outcome> commit(std::span<const Entry> entries) override;
  std::optional<Slice> read(std::string_view job_id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes,
                            Direction direction = Direction::forward) const override;
  std::optional<JobRecord> find(std::string_view job_id) const override;
  JobPage list(const ListQuery& query) const override;

 private:
  bool is_former(const JobRecord& record) const;

  Store& store_;
  const std::string incarnation_;
  Renew renew_ = [](const std::string&) {};
};

}  // namespace domed

#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "domed/store.h"

namespace domed {

// The reference store: all that the interface asks, in memory, and nothing
// more.  Small appends are gathered into chunks, so that a job costs little
// more than its bytes; a chunk knows where its lines end, so that a range is
// one copy per chunk.
class StoreMemory : public Store {
 public:
  StoreMemory();

  Durability durability() const noexcept override { return Durability::none; }
  std::string incarnation() const override { return incarnation_; }
  std::vector<Outcome> commit(std::span<const Entry> entries) override;
  std::optional<Slice> read(std::string_view job_id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes, Direction direction) const override;
  std::optional<JobRecord> find(std::string_view job_id) const override;
  JobPage list(const ListQuery& query) const override;

 private:
  struct Chunk {
    std::string lines;
    std::vector<std::uint32_t> ends;
  };
  using Chunks = std::map<std::uint64_t, Chunk>;  // by the seq of the first line
  struct Job {
    JobRecord record;                           // without columns
    std::unique_ptr<const JobColumns> columns;  // apart, because the index has views of them
    Chunks chunks;
  };
  using Jobs = std::map<std::string, Job, std::less<>>;

  // A place in the order of listings.
  struct Place {
    std::int64_t created = 0;
    std::string_view job_id;
    auto operator<=>(const Place&) const = default;
  };
  // Which jobs stand together in the index, and by what.
  struct Group {
    enum Kind { all, tombstones, unfinished, in_state, tagged } kind = all;
    std::string_view value;
    auto operator<=>(const Group&) const = default;
  };
  struct Key {
    Group group;
    Place place;
    const Job* job = nullptr;
    // Without the job: a key is found, and taken out, by group and place alone.
    bool operator<(const Key& other) const {
      return std::tie(group, place) < std::tie(other.group, other.place);
    }
  };
  // One set for all listings. Each group is a range of it, in the order of pages.
  using Index = std::set<Key>;

  // What one entry will change.  Everything that can fail is done while it is
  // made; what remains to be done is moves.
  struct Change {
    const Entry* entry = nullptr;
    Job* job = nullptr;
    Chunks added;
    Chunk* extended = nullptr;  // the job's last chunk, where the lines go there
    std::optional<std::string> fixed;
    std::string head, revision;
    std::unique_ptr<const JobColumns> columns;  // null: as they are
    Index index;                                // its new keys, where it has new columns
  };
  // A job that is created is made in "jobs" and moved into the store as the node that it is. So
  // pointers to it, and the index's views of its id, are good before and after.
  struct Batch {
    Jobs jobs;  // the new ones
    std::vector<Change> changes;
    std::vector<Outcome> outcomes;
  };

  Outcome stage(const Entry& entry, Batch& batch);
  void apply(Batch& batch);
  void apply(Change& change) noexcept;
  void drop(const Job& job) noexcept;
  void leave_index(const Job& job) noexcept;
  static Change change_of(const Entry& entry, Job& job);
  static void stage_lines(Change& change);
  static void stage_cut(Change& change);
  static void stage_columns(Change& change);
  static void apply_action(Change& change) noexcept;
  template <class Each>
  static void each_group(const JobColumns& columns, bool tombstone, Each&& each);

  JobRecord record_of(const Job& job) const;
  JobPage list_times(const ListQuery& query) const;
  JobPage list_ids(const ListQuery& query) const;
  static std::uint64_t begin_of(const Job& job, std::uint64_t end, std::size_t max_events,
                                std::size_t max_bytes);
  static void take(const Chunk& chunk, std::size_t line, std::size_t max_events,
                   std::size_t max_bytes, Slice& slice);

  // Held by readers while they copy and by the writer while it applies.  The
  // one writer stages without it: nobody else changes anything.
  mutable std::shared_mutex mutex_;
  Jobs jobs_;
  Index index_;
  const std::string incarnation_;
};

}  // namespace domed

#pragma once

#include <map>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "domed/store.h"

namespace domed {

// The reference store: all that the interface asks, in memory, and nothing
// more.  Small appends are gathered into chunks, so that a job costs little
// more than its bytes; a chunk knows where its lines end, so that a range is
// one copy per chunk.
class StoreMemory : public Store {
 public:
  Durability durability() const noexcept override { return Durability::none; }
  std::vector<EntryResult> commit(std::span<const Entry> entries) override;
  std::optional<Slice> read(std::string_view job_id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes) const override;
  std::optional<JobRecord> find(std::string_view job_id) const override;
  std::vector<JobRecord> list(const ListQuery& query) const override;

 private:
  struct Chunk {
    std::string lines;
    std::vector<std::uint32_t> ends;
  };
  using Chunks = std::map<std::uint64_t, Chunk>;  // by the seq of the first line
  struct Job {
    JobRecord record;
    Chunks chunks;
  };
  using Jobs = std::map<std::string, Job, std::less<>>;
  using ByCreated = std::map<std::int64_t, Job*>;

  // What one entry will change.  Everything that can fail is done while it is
  // made; what remains to be done is moves.
  struct Change {
    const Entry* entry = nullptr;
    Job* job = nullptr;
    Chunks added;
    Chunk* extended = nullptr;  // the job's last chunk, where the lines go there
    std::optional<std::string> fixed;
    std::string head;
    JobColumns columns;
  };
  struct Batch {
    Jobs jobs;  // the new ones
    ByCreated by_created;
    std::vector<Change> changes;
  };

  EntryResult stage(const Entry& entry, Batch& batch);
  Job& create(const Entry& entry, Batch& batch) const;
  void apply(Batch& batch);
  void drop(const Job& job) noexcept;
  static Change change_of(const Entry& entry, Job& job);
  static void stage_lines(Change& change);
  static void stage_cut(Change& change);
  static void apply(Change& change) noexcept;
  static void apply_action(Change& change) noexcept;
  static void take(const Chunk& chunk, std::size_t line, std::size_t max_events,
                   std::size_t max_bytes, Slice& slice);

  // Held by readers while they copy and by the writer while it applies.  The
  // one writer stages without it: nobody else changes anything.
  mutable std::shared_mutex mutex_;
  Jobs jobs_;
  ByCreated by_created_;
};

}  // namespace domed

#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "database_file.h"
#include "domed/store.h"
#include "read_ahead.h"
#include "reader_pool.h"
#include "sqlite.h"

namespace domed {

// A store in one SQLite database; schema.h describes the layout.  One
// connection writes, a batch being one transaction; a pool of others reads,
// each read being one short transaction that is over before it returns.
class StoreSqlite : public Store {
 public:
  struct Settings {
    std::string path;
    bool full = true;  // sync every commit
    std::chrono::milliseconds busy_timeout{5000};
    int readers = 4;
    std::uint64_t cache = 16 << 20;  // bytes
  };
  explicit StoreSqlite(const Settings& settings);

  // The write-ahead log as its checkpoints go by.
  struct Wal {
    int checkpointed = 0;  // frames of it that are in the database, or were to be
    bool shred = false;    // it holds what was deleted for good: to be emptied
  };

  Durability durability() const noexcept override { return durability_; }
  std::vector<EntryResult> commit(std::span<const Entry> entries) override;
  std::optional<Slice> read(std::string_view job_id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes) const override;
  std::optional<JobRecord> find(std::string_view job_id) const override;
  std::vector<JobRecord> list(const ListQuery& query) const override;

  const std::string& path() const { return file_.path(); }
  bool created() const { return file_.created(); }

 private:
  // A job as an entry finds it.
  struct Found {
    std::int64_t no = 0;
    std::uint64_t first_seq = 1;
    std::uint64_t head_seq = 0;
    bool tombstone = false;
    bool same_columns = false;  // as the entry has them
  };

  void prepare_writer(const Settings& settings);
  void add_reader(const Settings& settings);

  EntryResult apply(const Entry& entry);
  std::optional<Found> locate(const Entry& entry);
  std::int64_t create(const Entry& entry);
  void append(const Entry& entry, std::int64_t no);
  void trim(const Entry& entry, const Found& found);
  void cut(std::int64_t no, std::uint64_t first_seq);
  void purge(const Found& found);
  void drop(const Found& found);
  void write_fixed(const Entry& entry, std::int64_t no);
  void write_row(const Entry& entry, const Found& found);
  void forget_failed_commit() noexcept;

  // In the order of their making: the lock goes last, and the writer after the
  // readers, because the last connection to go checkpoints the log.
  DatabaseFile file_;
  Durability durability_;
  Wal wal_;
  ReadAhead read_ahead_;
  sqlite::Connection writer_;
  mutable ReaderPool readers_;
};

}  // namespace domed

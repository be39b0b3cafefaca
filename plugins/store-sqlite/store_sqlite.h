#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoints.h"
#include "database_file.h"
#include "domed/backup.h"
#include "domed/host.h"
#include "domed/store.h"
#include "history.h"
#include "job_writer.h"
#include "lookup.h"
#include "read_ahead.h"
#include "reader_pool.h"
#include "reclaimer.h"
#include "sqlite.h"
#include "writer_turns.h"

namespace domed {

// A store in one SQLite database; schema.h describes the layout.  One
// connection writes, a batch being one transaction; a pool of others reads,
// each read being one short transaction that is over before it returns.
class StoreSqlite : public Store, public Backup {
 public:
  using Log = std::function<void(Level, const std::string&)>;
  struct Settings {
    std::string path;
    bool full = true;  // sync every commit
    std::chrono::milliseconds busy_timeout{5000};
    int readers = 4;
    std::uint64_t cache = 16 << 20;              // bytes
    int checkpoint = 2000;                       // pages of the write-ahead log
    std::string boot = boot_id();                // changes with every start of the machine
    Log log = [](Level, const std::string&) {};  // as Host::log()
  };
  explicit StoreSqlite(const Settings& settings);

  ~StoreSqlite() override;

  Durability durability() const noexcept override { return durability_; }
  std::string incarnation() const override { return history_.incarnation(); }
  std::vector<Outcome> commit(std::span<const Entry> entries) override;
  std::optional<Slice> read(std::string_view job_id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes,
                            Direction direction = Direction::forward) const override;
  std::optional<JobRecord> find(std::string_view job_id) const override;
  JobPage list(const ListQuery& query) const override;

  void backup(int fd, Progress& progress) const override;
  void restore(int fd, Progress& progress) override;

  const std::string& path() const { return file_.path(); }
  bool created() const { return file_.created(); }

 private:
  void prepare_writer(const Settings& settings);
  void prepare_layout(const Settings& settings);
  void add_reader(const Settings& settings);
  std::vector<Outcome> commit_once(std::span<const Entry> entries, Lookup::First first);
  void forget_failed_commit() noexcept;

  // In the order of their making: the lock goes last, the history when SQLite has closed the
  // database, and the writer after the readers, because the last connection to go checkpoints
  // the log.
  const Log log_;
  DatabaseFile file_;
  Durability durability_;
  History history_;
  const Lookup lookup_;
  mutable ToldOnce list_damage_;
  ReadAhead read_ahead_;
  mutable sqlite::Connection writer_;  // a backup reads through it, in its turn
  Checkpoints checkpoints_;
  JobWriter jobs_;
  bool restored_ = false;  // nothing of this object's fits the database any more
  mutable WriterTurns turns_;
  mutable ReaderPool readers_;
  std::unique_ptr<Reclaimer> reclaimer_;
};

}  // namespace domed

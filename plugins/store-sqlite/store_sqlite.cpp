#include "store_sqlite.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "copying.h"
#include "domed/store_rules.h"
#include "listing.h"
#include "log_reader.h"
#include "migration.h"
#include "rows.h"
#include "schema.h"

namespace domed {
namespace {

using sqlite::Blob;
using sqlite::Connection;
using sqlite::Transaction;

constexpr auto kSynced = "PRAGMA synchronous = FULL";
constexpr auto kWalLimit = "67108864";

template <class F>
auto guarded(const std::string& path, F&& body) {
  try {
    return std::forward<F>(body)();
  } catch (const std::bad_alloc&) {
    throw Error(Code::exhausted, path + ": out of memory: lower the option cache");
  }
}

}  // namespace

StoreSqlite::StoreSqlite(const Settings& settings)
    : log_(settings.log),
      file_(settings.path),
      durability_(settings.full ? Durability::power : Durability::process),
      history_(file_, settings.boot, settings.log),
      lookup_([this](const std::string& text) { log_(Level::error, text); }),
      list_damage_([this](const std::string& text) { log_(Level::error, text); }),
      read_ahead_(file_.path()),
      writer_(file_.path()),
      checkpoints_(writer_.get(), history_, settings.checkpoint),
      jobs_(writer_, lookup_) {
  prepare_writer(settings);
  history_.open(writer_, settings.full);
  writer_.run(settings.full ? kSynced : "PRAGMA synchronous = NORMAL");
  for (int i = 0; i < settings.readers; ++i) add_reader(settings);
  file_.remember_log();
  const auto warn = [this](const std::string& text) { log_(Level::warning, text); };
  reclaimer_ = std::make_unique<Reclaimer>(writer_, checkpoints_, turns_, warn);
}

// A file that cannot say so will be looked at like one whose process was killed.
StoreSqlite::~StoreSqlite() {
  reclaimer_.reset();
  if (restored_) return;
  try {
    writer_.run(kSynced);
    history_.close(writer_);
  } catch (const Error& error) {
    log_(Level::warning, std::string("no clean close: ") + error.what());
  }
}

void StoreSqlite::prepare_writer(const Settings& settings) {
  sqlite3_busy_timeout(writer_.get(), static_cast<int>(settings.busy_timeout.count()));
  // Only an empty file can be given these two, and no other may be written to before the
  // history knows.
  if (writer_.ask("PRAGMA page_count") == "0")
    writer_.run("PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL");
  prepare_layout(settings);
  if (writer_.ask("PRAGMA journal_mode = WAL") != "wal")
    throw Error(Code::unsupported, path() +
                                       ": this file system does not let SQLite keep a "
                                       "write-ahead log (is it a network file system?): "
                                       "choose a path on a local disk");
  writer_.run(kSynced);
  writer_.run(std::string(kShredLines) + "; PRAGMA journal_size_limit = " + kWalLimit);
  writer_.run("PRAGMA cache_size = -" + std::to_string(settings.cache / 2 / 1024));
}

void StoreSqlite::prepare_layout(const Settings& settings) {
  const std::int64_t layout = layout_of(writer_);
  if (layout != kLayout) history_.begin();
  if (layout == 0) make_layout(writer_);
  if (layout == 1)
    migrate(writer_, [&](const std::string& text) { settings.log(Level::info, text); });
}

void StoreSqlite::add_reader(const Settings& settings) {
  const auto readers = static_cast<std::uint64_t>(settings.readers);
  auto reader = std::make_unique<Connection>(file_.path());
  sqlite3_busy_timeout(reader->get(), static_cast<int>(settings.busy_timeout.count()));
  reader->run("PRAGMA query_only = 1; PRAGMA cache_size = -" +
              std::to_string(settings.cache / 2 / 1024 / readers));
  read_ahead_.watch(reader->get());
  readers_.add(std::move(reader));
}

std::vector<Outcome> StoreSqlite::commit(std::span<const Entry> entries) {
  check_batch(entries);
  const auto turn = turns_.for_commit();
  try {
    return guarded(path(), [&] {
      try {
        return commit_once(entries, Lookup::First::index);
      } catch (const Error& error) {
        if (error.code() != Code::corruption) throw;
      }
      return commit_once(entries, Lookup::First::hash);
    });
  } catch (const Error& error) {
    if (error.code() == Code::io || error.code() == Code::exhausted) forget_failed_commit();
    throw;
  }
}

std::vector<Outcome> StoreSqlite::commit_once(std::span<const Entry> entries, Lookup::First first) {
  std::vector<Outcome> outcomes;
  Transaction transaction(writer_, Transaction::Kind::write);
  for (const Entry& entry : entries) outcomes.push_back(jobs_.apply(entry, first));
  if (jobs_.take_shredded()) checkpoints_.shred();
  file_.check_in_place();
  transaction.commit();
  if (jobs_.take_freed() && reclaimer_) reclaimer_->look();
  file_.check_in_place();  // nothing is acknowledged that went into a lost file
  return outcomes;
}

// When the sync of a commit fails, its frames are complete in the write-ahead
// log although nobody sees them; a crash now would bring them back.  Emptying
// the log forgets them.  Should that fail too, the next commit overwrites them.
void StoreSqlite::forget_failed_commit() noexcept {
  checkpoints_.empty();
}

void StoreSqlite::backup(int fd, Progress& progress) const {
  guarded(path(), [&] { copy_out(writer_, turns_, fd, progress); });
}

// The copy has no incarnation, and the history no word of this commit: the next object finds
// both, whenever this one ends.
void StoreSqlite::restore(int fd, Progress& progress) {
  guarded(path(), [&] {
    const auto turn = turns_.for_commit();
    file_.check_in_place();
    writer_.run(kSynced);
    copy_in(writer_, fd, progress);
    restored_ = true;
    file_.check_in_place();
    checkpoints_.empty();
  });
  reclaimer_.reset();  // not while it may wait for this turn
}

std::optional<Slice> StoreSqlite::read(std::string_view job_id, std::uint64_t from,
                                       std::size_t max_events, std::size_t max_bytes,
                                       Direction direction) const {
  return guarded(path(), [&]() -> std::optional<Slice> {
    ReaderPool::Lease reader(readers_);
    const Transaction snapshot(*reader, Transaction::Kind::read);
    std::int64_t no = 0;
    Slice slice{.job = {}, .events = {}, .ends = {}};
    const bool found = lookup_.find(
        *reader, "SELECT job_id, no, " DOMED_RECORD_COLUMNS " FROM jobs WHERE job_id = ?",
        "SELECT job_id, no, " DOMED_RECORD_COLUMNS " FROM jobs WHERE no = ?", job_id,
        [&](sqlite::Query& row) {
          no = row.integer();
          slice.job = record_of(row, false);
        });
    if (!found) return std::nullopt;
    const std::uint64_t end = slice.job.head_seq + 1;
    const ReadLimits limits{max_events, max_bytes};
    if (direction == Direction::backward) {
      from = std::min(from, end);
      if (from > slice.job.first_seq) read_backward(*reader, no, from, limits, slice);
    } else {
      slice.from = std::max(from, slice.job.first_seq);
      if (slice.from < end) read_forward(*reader, no, limits, slice);
    }
    if (slice.ends.empty()) slice.from = 0;
    return slice;
  });
}

std::optional<JobRecord> StoreSqlite::find(std::string_view job_id) const {
  return guarded(path(), [&]() -> std::optional<JobRecord> {
    ReaderPool::Lease reader(readers_);
    const Transaction snapshot(*reader, Transaction::Kind::read);
    std::optional<JobRecord> record;
    lookup_.find(
        *reader,
        "SELECT job_id, " DOMED_RECORD_COLUMNS DOMED_FIXED_COLUMN " FROM jobs WHERE job_id = ?",
        "SELECT job_id, " DOMED_RECORD_COLUMNS DOMED_FIXED_COLUMN " FROM jobs WHERE no = ?", job_id,
        [&](sqlite::Query& row) { record = record_of(row, true); });
    return record;
  });
}

JobPage StoreSqlite::list(const ListQuery& query) const {
  check_query(query);
  return guarded(path(), [&] {
    ReaderPool::Lease reader(readers_);
    return list_jobs(*reader, query, [this](const std::string& text) { list_damage_(text); });
  });
}

}  // namespace domed

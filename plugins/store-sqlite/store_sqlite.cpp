#include "store_sqlite.h"

#include <algorithm>
#include <memory>
#include <new>
#include <utility>

#include "domed/store_rules.h"
#include "lines.h"
#include "schema.h"

namespace domed {
namespace {

using sqlite::Blob;
using sqlite::Connection;
using sqlite::Query;
using sqlite::Text;
using sqlite::Transaction;

// After so many pages the write-ahead log is copied into the database; beyond
// kWalRestart the writer waits for the readers of the moment, so that the log
// can begin anew however busy they are.
constexpr int kWalCheckpoint = 2000;
constexpr int kWalRestart = 16384;
constexpr auto kWalLimit = "67108864";

// What is deleted of a job's "fixed", its environment among it, is overwritten with
// zeros wherever it lies; of lines only where that costs no further write, because to
// zero what was trimmed must not double the writes.
constexpr auto kShredFixed = "PRAGMA secure_delete = ON";
constexpr auto kShredLines = "PRAGMA secure_delete = FAST";

#define RECORD_COLUMNS \
  "job_id, created, first_seq, head_seq, tombstone, unfinished, state, tool_id, labels, head"
constexpr auto kFixedColumn = ", (SELECT bytes FROM fixed WHERE fixed.no = jobs.no)";

// After every commit.  Its result would fail a commit that is already durable:
// always OK; what a checkpoint could not do, the next one does.
int checkpoint(void* context, sqlite3* db, const char* schema, int frames) {
  auto& wal = *static_cast<StoreSqlite::Wal*>(context);
  if (frames < wal.checkpointed) wal.checkpointed = 0;  // the log began anew
  if (!wal.shred && frames - wal.checkpointed < kWalCheckpoint) return SQLITE_OK;
  const int mode = wal.shred              ? SQLITE_CHECKPOINT_TRUNCATE
                   : frames < kWalRestart ? SQLITE_CHECKPOINT_PASSIVE
                                          : SQLITE_CHECKPOINT_RESTART;
  const int result = sqlite3_wal_checkpoint_v2(db, schema, mode, nullptr, nullptr);
  wal.checkpointed = frames;
  if (result == SQLITE_OK) wal.shred = false;
  return SQLITE_OK;
}

template <class F>
auto guarded(const std::string& path, F&& body) {
  try {
    return std::forward<F>(body)();
  } catch (const std::bad_alloc&) {
    throw Error(Code::exhausted, path + ": out of memory: lower the option cache");
  }
}

// Labels are one text that begins and ends with LF, so that "\nk=v\n" finds one
// whole label and no part of another.
std::string joined(const std::vector<std::string>& labels) {
  std::string text;
  for (const std::string& label : labels) text += '\n' + label;
  return labels.empty() ? text : text + '\n';
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> labels;
  while (text.size() > 1) {
    const std::size_t end = std::min(text.find('\n', 1), text.size());
    labels.emplace_back(text.substr(1, end - 1));
    text.remove_prefix(end);
  }
  return labels;
}

JobRecord record_of(Query& row, bool with_fixed) {
  JobRecord job;
  job.job_id = row.bytes();
  job.columns.created = row.integer();
  job.first_seq = static_cast<std::uint64_t>(row.integer());
  job.head_seq = static_cast<std::uint64_t>(row.integer());
  job.tombstone = row.integer() != 0;
  job.columns.unfinished = row.integer() != 0;
  job.columns.state = row.bytes();
  job.columns.tool_id = row.bytes();
  job.columns.labels = split(row.bytes());
  job.head = row.bytes();
  if (with_fixed) job.fixed = row.bytes();
  return job;
}

std::vector<JobRecord> page_of(Query rows, const ListQuery& query) {
  std::vector<JobRecord> page;
  std::size_t bytes = 0;
  while (rows.step()) {
    JobRecord record = record_of(rows, true);
    if (!page_takes(query, page.size(), bytes, record)) break;
    page.push_back(std::move(record));
  }
  return page;
}

// One of a few texts, each prepared once per connection.  "1" filters use their
// parameter, the others hold for every job.
std::string list_sql(const ListQuery& query) {
  std::string sql = std::string("SELECT " RECORD_COLUMNS) + kFixedColumn + " FROM jobs WHERE ";
  sql += query.tombstones ? "tombstone = 1" : "tombstone = 0";
  if (query.unfinished) sql += " AND unfinished = 1";
  sql += query.state.empty() ? " AND ?1 = ''" : " AND state = ?1";
  sql += query.tool_id.empty() ? " AND ?2 = ''" : " AND tool_id = ?2";
  sql += query.label.empty() ? " AND ?3 = ''" : " AND instr(labels, ?3) > 0";
  return sql + " AND created >= ?4 AND created < ?5 ORDER BY created DESC LIMIT ?6";
}

[[noreturn]] void damaged(const Connection& connection, const JobRecord& job, std::uint64_t seq) {
  throw Error(Code::corruption, connection.path() + ": event " + std::to_string(seq) +
                                    " of the job '" + job.job_id +
                                    "' is missing although its record says it is there: stop "
                                    "domed, keep a copy of the file, and restore a backup");
}

// The chunk that holds "from" and all later ones; keys are the seq of the first
// line, so a hole in a log shows.
void fill(Connection& connection, std::int64_t no, Slice& slice, std::size_t max_events,
          std::size_t max_bytes) {
  SliceFiller filler(slice, max_events, max_bytes);
  auto chunks = connection.query(
      "SELECT key, lines FROM chunks WHERE key >= (SELECT max(key) FROM chunks WHERE key <= ?1)"
      " AND key <= ?2 ORDER BY key",
      chunk_key(no, slice.from), chunk_key(no, slice.job.head_seq));
  std::uint64_t next = slice.from;
  while (next <= slice.job.head_seq) {
    if (!chunks.step()) damaged(connection, slice.job, next);
    const std::int64_t key = chunks.integer();
    const bool found = key == chunk_key(no, next) ||  // only the first may begin before
                       (next == slice.from && key > chunk_key(no, 0) && key < chunk_key(no, next));
    if (!found) damaged(connection, slice.job, next);
    const std::string_view lines = skip_lines(chunks.bytes(), next - chunk_seq(key));
    if (lines.empty()) damaged(connection, slice.job, next);
    if (!filler.take(lines)) return;
    next = slice.from + slice.ends.size();
  }
}

}  // namespace

StoreSqlite::StoreSqlite(const Settings& settings)
    : file_(settings.path),
      durability_(settings.full ? Durability::power : Durability::process),
      read_ahead_(file_.path()),
      writer_(file_.path()) {
  prepare_writer(settings);
  for (int i = 0; i < settings.readers; ++i) add_reader(settings);
  file_.remember_log();
}

void StoreSqlite::prepare_writer(const Settings& settings) {
  sqlite3_busy_timeout(writer_.get(), static_cast<int>(settings.busy_timeout.count()));
  // These two matter to an empty file only.
  if (file_.created()) writer_.run("PRAGMA page_size = 4096; PRAGMA auto_vacuum = NONE");
  migrate(writer_);
  if (writer_.ask("PRAGMA journal_mode = WAL") != "wal")
    throw Error(Code::unsupported, path() +
                                       ": this file system does not let SQLite keep a "
                                       "write-ahead log (is it a network file system?): "
                                       "choose a path on a local disk");
  writer_.run(settings.full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  writer_.run(std::string(kShredLines) + "; PRAGMA journal_size_limit = " + kWalLimit);
  writer_.run("PRAGMA cache_size = -" + std::to_string(settings.cache / 2 / 1024));
  sqlite3_wal_hook(writer_.get(), checkpoint, &wal_);
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

std::vector<EntryResult> StoreSqlite::commit(std::span<const Entry> entries) {
  check_batch(entries);
  try {
    return guarded(path(), [&] {
      std::vector<EntryResult> results;
      Transaction transaction(writer_, Transaction::Kind::write);
      for (const Entry& entry : entries) results.push_back(apply(entry));
      file_.check_in_place();
      transaction.commit();
      file_.check_in_place();  // nothing is acknowledged that went into a lost file
      return results;
    });
  } catch (const Error& error) {
    if (error.code() == Code::io || error.code() == Code::exhausted) forget_failed_commit();
    throw;
  }
}

// When the sync of a commit fails, its frames are complete in the write-ahead
// log although nobody sees them; a crash now would bring them back.  Emptying
// the log forgets them.  Should that fail too, the next commit overwrites them.
void StoreSqlite::forget_failed_commit() noexcept {
  sqlite3_wal_checkpoint_v2(writer_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
}

EntryResult StoreSqlite::apply(const Entry& entry) {
  std::optional<Found> found = locate(entry);
  if (conflicts(entry, found.has_value(), found && found->tombstone, found ? found->head_seq : 0))
    return {EntryResult::Outcome::conflict, found ? found->head_seq : 0};
  if (!found) {
    append(entry, create(entry));
    return {EntryResult::Outcome::done, 0};
  }
  if (entry.action == Entry::Action::drop) {
    drop(*found);
    return {EntryResult::Outcome::done, 0};
  }
  if (entry.action == Entry::Action::append) append(entry, found->no);
  if (entry.action == Entry::Action::trim) trim(entry, *found);
  if (entry.action == Entry::Action::purge) purge(*found);
  write_row(entry, *found);
  return {EntryResult::Outcome::done, 0};
}

std::optional<StoreSqlite::Found> StoreSqlite::locate(const Entry& entry) {
  auto row = writer_.query(
      "SELECT no, first_seq, head_seq, tombstone, unfinished, state, tool_id, labels FROM jobs"
      " WHERE job_id = ?",
      Blob{entry.job_id});
  if (!row.step()) return std::nullopt;
  Found found;
  found.no = row.integer();
  found.first_seq = static_cast<std::uint64_t>(row.integer());
  found.head_seq = static_cast<std::uint64_t>(row.integer());
  found.tombstone = row.integer() != 0;
  const JobColumns& columns = entry.columns;
  found.same_columns = (row.integer() != 0) == columns.unfinished && row.bytes() == columns.state &&
                       row.bytes() == columns.tool_id && row.bytes() == joined(columns.labels);
  return found;
}

std::int64_t StoreSqlite::create(const Entry& entry) {
  const JobColumns& columns = entry.columns;
  if (writer_.query("SELECT 1 FROM jobs WHERE created = ?", columns.created).step())
    refuse_created(columns.created);
  const std::string labels = joined(columns.labels);
  writer_
      .query(
          "INSERT INTO jobs(job_id, created, first_seq, head_seq, tombstone, unfinished, state,"
          " tool_id, labels, head) VALUES(?, ?, ?, ?, 0, ?, ?, ?, ?, ?)",
          Blob{entry.job_id}, columns.created, static_cast<std::int64_t>(entry.base() + 1),
          static_cast<std::int64_t>(entry.base() + entry.ends.size()),
          std::int64_t{columns.unfinished}, Text{columns.state}, Text{columns.tool_id},
          Text{labels}, Blob{entry.head})
      .run();
  const std::int64_t no = sqlite3_last_insert_rowid(writer_.get());
  if (no > kMaxJobNo)
    throw Error(Code::exhausted,
                path() + ": no job numbers left: export the jobs into a new store");
  return no;
}

void StoreSqlite::append(const Entry& entry, std::int64_t no) {
  split_lines(entry, kChunkBytes, [&](std::size_t first, std::string_view lines) {
    writer_
        .query("INSERT INTO chunks(key, lines) VALUES(?, ?)",
               chunk_key(no, entry.base() + 1 + first), Blob{lines})
        .run();
  });
  write_fixed(entry, no);
}

void StoreSqlite::write_fixed(const Entry& entry, std::int64_t no) {
  if (!entry.fixed) return;
  writer_.run(kShredFixed);
  writer_.query("INSERT OR REPLACE INTO fixed(no, bytes) VALUES(?, ?)", no, Blob{*entry.fixed})
      .run();
  writer_.run(kShredLines);
}

void StoreSqlite::trim(const Entry& entry, const Found& found) {
  write_fixed(entry, found.no);
  if (entry.first_seq > found.first_seq) cut(found.no, entry.first_seq);
}

// The chunk that "first_seq" falls into is replaced by its rest.
void StoreSqlite::cut(std::int64_t no, std::uint64_t first_seq) {
  const std::int64_t begin = chunk_key(no, 0);
  const std::int64_t end = chunk_key(no, first_seq);
  std::string rest;
  {
    auto last = writer_.query(
        "SELECT key, lines FROM chunks WHERE key >= ? AND key < ? ORDER BY key DESC LIMIT 1", begin,
        end);
    if (last.step()) {
      const std::uint64_t seq = chunk_seq(last.integer());
      rest = skip_lines(last.bytes(), first_seq - seq);
    }
  }
  writer_.query("DELETE FROM chunks WHERE key >= ? AND key < ?", begin, end).run();
  if (rest.empty()) return;
  writer_.query("INSERT INTO chunks(key, lines) VALUES(?, ?)", end, Blob{rest}).run();
}

void StoreSqlite::purge(const Found& found) {
  writer_
      .query("DELETE FROM chunks WHERE key >= ? AND key <= ?", chunk_key(found.no, 0),
             chunk_key(found.no, kMaxSeq))
      .run();
  writer_.run(kShredFixed);
  writer_.query("DELETE FROM fixed WHERE no = ?", found.no).run();
  writer_.run(kShredLines);
  wal_.shred = true;  // older pages in it still have those bytes
  writer_.query("UPDATE jobs SET tombstone = 1 WHERE no = ?", found.no).run();
}

void StoreSqlite::drop(const Found& found) {
  writer_.query("DELETE FROM jobs WHERE no = ?", found.no).run();
}

// The columns are left alone where they are as they were, and with them their
// indexes: that is so for nearly every append.
void StoreSqlite::write_row(const Entry& entry, const Found& found) {
  const JobColumns& columns = entry.columns;
  std::uint64_t first = found.first_seq;
  if (entry.action == Entry::Action::trim) first = std::max(first, entry.first_seq);
  if (entry.action == Entry::Action::purge) first = entry.expected_head + 1;
  const std::uint64_t head = entry.expected_head + entry.ends.size();
  writer_
      .query("UPDATE jobs SET first_seq = ?, head_seq = ?, head = ? WHERE no = ?",
             static_cast<std::int64_t>(first), static_cast<std::int64_t>(head), Blob{entry.head},
             found.no)
      .run();
  if (found.same_columns) return;
  const std::string labels = joined(columns.labels);
  writer_
      .query("UPDATE jobs SET unfinished = ?, state = ?, tool_id = ?, labels = ? WHERE no = ?",
             std::int64_t{columns.unfinished}, Text{columns.state}, Text{columns.tool_id},
             Text{labels}, found.no)
      .run();
}

std::optional<Slice> StoreSqlite::read(std::string_view job_id, std::uint64_t from,
                                       std::size_t max_events, std::size_t max_bytes) const {
  return guarded(path(), [&]() -> std::optional<Slice> {
    ReaderPool::Lease reader(readers_);
    Transaction snapshot(*reader, Transaction::Kind::read);
    auto row =
        reader->query("SELECT no, " RECORD_COLUMNS " FROM jobs WHERE job_id = ?", Blob{job_id});
    if (!row.step()) return std::nullopt;
    const std::int64_t no = row.integer();
    Slice slice{.job = record_of(row, false), .events = {}, .ends = {}};
    from = std::max(from, slice.job.first_seq);
    if (from > slice.job.head_seq) return slice;
    slice.from = from;
    fill(*reader, no, slice, max_events, max_bytes);
    return slice;
  });
}

std::optional<JobRecord> StoreSqlite::find(std::string_view job_id) const {
  return guarded(path(), [&]() -> std::optional<JobRecord> {
    static const std::string sql =
        std::string("SELECT " RECORD_COLUMNS) + kFixedColumn + " FROM jobs WHERE job_id = ?";
    ReaderPool::Lease reader(readers_);
    auto row = reader->query(sql.c_str(), Blob{job_id});
    if (!row.step()) return std::nullopt;
    return record_of(row, true);
  });
}

std::vector<JobRecord> StoreSqlite::list(const ListQuery& query) const {
  check_query(query);
  if (query.label.find('\n') != std::string::npos) return {};  // no label has one
  return guarded(path(), [&] {
    const std::string sql = list_sql(query);
    const std::string label = query.label.empty() ? "" : '\n' + query.label + '\n';
    ReaderPool::Lease reader(readers_);
    return page_of(reader->query(sql.c_str(), Text{query.state}, Text{query.tool_id}, Text{label},
                                 query.since == 0 ? INT64_MIN : query.since,
                                 query.before == 0 ? INT64_MAX : query.before,
                                 static_cast<std::int64_t>(query.limit)),
                   query);
  });
}

}  // namespace domed

#include "job_writer.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "domed/store_rules.h"
#include "lines.h"
#include "listing.h"
#include "rows.h"
#include "schema.h"

namespace domed {
namespace {

using sqlite::Blob;

// Those of "lists" that "others" has not.
std::vector<std::string> without(std::vector<std::string> lists,
                                 const std::vector<std::string>& others) {
  std::erase_if(lists, [&](const std::string& list) {
    return std::find(others.begin(), others.end(), list) != others.end();
  });
  return lists;
}

}  // namespace

Outcome JobWriter::apply(const Entry& entry, Lookup::First first) {
  const std::optional<Found> found = locate(entry, first);
  const Present present =
      found ? Present{found->revision, found->head_seq, found->tombstone} : Present{};
  if (conflicts(entry, present)) return Outcome::conflict;
  check_present(entry, present);
  if (!found) {
    create(entry);
    return Outcome::done;
  }
  if (entry.action == Entry::Action::drop) {
    drop(entry, *found);
    return Outcome::done;
  }
  if (entry.action == Entry::Action::append) append(entry, found->no);
  if (entry.action == Entry::Action::trim) trim(entry, *found);
  if (entry.action == Entry::Action::purge) purge(*found);
  write_row(entry, *found);
  write_columns(entry, *found);
  return Outcome::done;
}

std::optional<JobWriter::Found> JobWriter::locate(const Entry& entry, Lookup::First first) {
#define DOMED_FOUND_COLUMNS \
  "job_id, no, revision, first_seq, head_seq, tombstone, created, unfinished, state, tags"
  std::optional<Found> found;
  lookup_.find(
      connection_, "SELECT " DOMED_FOUND_COLUMNS " FROM jobs WHERE job_id = ?",
      "SELECT " DOMED_FOUND_COLUMNS " FROM jobs WHERE no = ?", entry.job_id,
      [&](sqlite::Query& row) { found = found_in(row, entry); }, first);
  return found;
}

// The columns are compared where SQLite has them and taken only where they differ: nearly
// every append leaves them as they are.
JobWriter::Found JobWriter::found_in(sqlite::Query& row, const Entry& entry) {
  Found found;
  found.no = row.integer();
  found.revision = row.bytes();
  found.first_seq = static_cast<std::uint64_t>(row.integer());
  found.head_seq = static_cast<std::uint64_t>(row.integer());
  found.tombstone = row.integer() != 0;
  const std::int64_t created = row.integer();
  const bool unfinished = row.integer() != 0;
  const std::string_view state = row.bytes();
  const std::string_view tags = row.bytes();
  const bool same = unfinished == entry.columns.unfinished && state == entry.columns.state &&
                    is_packed(tags, entry.columns.tags);
  const bool leaves_lists =
      entry.action == Entry::Action::purge || entry.action == Entry::Action::drop;
  if (!same || leaves_lists)
    found.columns = JobColumns{created, std::string(state), unfinished, unpacked(tags)};
  return found;
}

void JobWriter::create(const Entry& entry) {
  const JobColumns& columns = entry.columns;
  const std::string tags = packed(columns.tags);
  connection_
      .query(
          "INSERT INTO jobs(job_id, created, first_seq, head_seq, tombstone, unfinished, state,"
          " tags, revision, head) VALUES(?, ?, ?, ?, 0, ?, ?, ?, ?, ?)",
          Blob{entry.job_id}, columns.created, static_cast<std::int64_t>(entry.base + 1),
          static_cast<std::int64_t>(entry.base + entry.ends.size()),
          std::int64_t{columns.unfinished}, Blob{columns.state}, Blob{tags}, Blob{entry.revision},
          Blob{entry.head})
      .run();
  const std::int64_t no = sqlite3_last_insert_rowid(connection_.get());
  if (no > kMaxJobNo)
    throw Error(Code::exhausted,
                connection_.path() + ": no job numbers left: export the jobs into a new store");
  put_name(connection_, entry.job_id, no);
  enter(lists_of(columns, false), columns.created, entry, no);
  append(entry, no);
}

void JobWriter::append(const Entry& entry, std::int64_t no) {
  split_lines(entry, kChunkBytes, [&](std::size_t first, std::string_view lines) {
    connection_
        .query("INSERT INTO chunks(key, lines) VALUES(?, ?)", chunk_key(no, entry.base + 1 + first),
               Blob{lines})
        .run();
  });
  write_fixed(entry, no);
}

void JobWriter::write_fixed(const Entry& entry, std::int64_t no) {
  if (!entry.fixed) return;
  connection_.run(kShredFixed);
  connection_.query("INSERT OR REPLACE INTO fixed(no, bytes) VALUES(?, ?)", no, Blob{*entry.fixed})
      .run();
  connection_.run(kShredLines);
}

void JobWriter::trim(const Entry& entry, const Found& found) {
  write_fixed(entry, found.no);
  if (entry.first_seq > found.first_seq) cut(found.no, entry.first_seq);
}

// The chunk that "first_seq" falls into is replaced by its rest.
void JobWriter::cut(std::int64_t no, std::uint64_t first_seq) {
  const std::int64_t begin = chunk_key(no, 0);
  const std::int64_t end = chunk_key(no, first_seq);
  std::string rest;
  {
    auto last = connection_.query(
        "SELECT key, lines FROM chunks WHERE key >= ? AND key < ? ORDER BY key DESC LIMIT 1", begin,
        end);
    if (last.step()) {
      const std::uint64_t seq = chunk_seq(last.integer());
      rest = skip_lines(last.bytes(), first_seq - seq);
    }
  }
  connection_.query("DELETE FROM chunks WHERE key >= ? AND key < ?", begin, end).run();
  freed_ = true;
  if (rest.empty()) return;
  connection_.query("INSERT INTO chunks(key, lines) VALUES(?, ?)", end, Blob{rest}).run();
}

void JobWriter::purge(const Found& found) {
  connection_
      .query("DELETE FROM chunks WHERE key >= ? AND key <= ?", chunk_key(found.no, 0),
             chunk_key(found.no, kMaxSeq))
      .run();
  connection_.run(kShredFixed);
  connection_.query("DELETE FROM fixed WHERE no = ?", found.no).run();
  connection_.run(kShredLines);
  shredded_ = freed_ = true;
  connection_.query("UPDATE jobs SET tombstone = 1 WHERE no = ?", found.no).run();
}

void JobWriter::drop(const Entry& entry, const Found& found) {
  leave(lists_of(*found.columns, true), found.columns->created, entry);
  drop_name(connection_, entry.job_id, found.no);
  connection_.query("DELETE FROM jobs WHERE no = ?", found.no).run();
}

void JobWriter::write_row(const Entry& entry, const Found& found) {
  std::uint64_t first = found.first_seq;
  if (entry.action == Entry::Action::trim) first = std::max(first, entry.first_seq);
  if (entry.action == Entry::Action::purge) first = found.head_seq + 1;
  const std::uint64_t head = found.head_seq + entry.ends.size();
  connection_
      .query("UPDATE jobs SET first_seq = ?, head_seq = ?, revision = ?, head = ? WHERE no = ?",
             static_cast<std::int64_t>(first), static_cast<std::int64_t>(head),
             Blob{entry.revision}, Blob{entry.head}, found.no)
      .run();
}

// Only what changes is touched: a new state leaves the tags of a job where they are.
void JobWriter::write_columns(const Entry& entry, const Found& found) {
  if (!found.columns) return;
  const JobColumns& columns = entry.columns;
  const auto old_lists = lists_of(*found.columns, false);
  const auto new_lists = lists_of(columns, entry.action == Entry::Action::purge);
  leave(without(old_lists, new_lists), found.columns->created, entry);
  enter(without(new_lists, old_lists), found.columns->created, entry, found.no);
  const std::string tags = packed(columns.tags);
  connection_
      .query("UPDATE jobs SET unfinished = ?, state = ?, tags = ? WHERE no = ?",
             std::int64_t{columns.unfinished}, Blob{columns.state}, Blob{tags}, found.no)
      .run();
}

// An entry that is there already was damaged when the job was to leave the list.
void JobWriter::enter(const std::vector<std::string>& lists, std::int64_t created,
                      const Entry& entry, std::int64_t no) {
  for (const std::string& list : lists)
    connection_
        .query("INSERT OR REPLACE INTO listed(list, created, job_id, no) VALUES(?, ?, ?, ?)",
               Blob{list}, created, Blob{entry.job_id}, no)
        .run();
}

void JobWriter::leave(const std::vector<std::string>& lists, std::int64_t created,
                      const Entry& entry) {
  for (const std::string& list : lists)
    connection_
        .query("DELETE FROM listed WHERE list = ? AND created = ? AND job_id = ?", Blob{list},
               created, Blob{entry.job_id})
        .run();
}

}  // namespace domed

#include "migration.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "domed/store.h"
#include "listing.h"
#include "lookup.h"
#include "rows.h"
#include "schema.h"

namespace domed {
namespace {

using sqlite::Blob;
using sqlite::Connection;
using sqlite::Query;
using sqlite::Transaction;

// Layout 1 kept labels as one text that begins and ends with LF.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> labels;
  while (text.size() > 1) {
    const std::size_t end = std::min(text.find('\n', 1), text.size());
    labels.push_back(text.substr(1, end - 1));
    text.remove_prefix(end);
  }
  return labels;
}

// What is no tag by the rules of today is left to "fixed", which has it too.
void add_tag(std::vector<std::string>& tags, std::string tag) {
  if (tag.size() > kMaxTagBytes || tags.size() == kMaxTags) return;
  if (std::find(tags.begin(), tags.end(), tag) == tags.end()) tags.push_back(std::move(tag));
}

std::vector<std::string> tags_of(std::string_view tool_id, std::string_view labels) {
  std::vector<std::string> tags;
  if (!tool_id.empty()) add_tag(tags, "tool=" + std::string(tool_id));
  for (const std::string_view label : split(labels)) add_tag(tags, "label:" + std::string(label));
  return tags;
}

std::string random_revision() {
  std::string revision(kRevisionBytes, '\0');
  sqlite3_randomness(static_cast<int>(revision.size()), revision.data());
  return revision;
}

void enter(Connection& connection, std::int64_t no, std::string_view job_id,
           const JobColumns& columns, bool tombstone) {
  for (const std::string& list : lists_of(columns, tombstone))
    connection
        .query("INSERT INTO listed(list, created, job_id, no) VALUES(?, ?, ?, ?)", Blob{list},
               columns.created, Blob{job_id}, no)
        .run();
}

// The next row of the old table.
void copy_job(Connection& connection, Query& row) {
  const std::int64_t no = row.integer();
  const std::string_view job_id = row.bytes();
  JobColumns columns;
  columns.created = row.integer();
  const bool tombstone = row.integer() != 0;
  columns.unfinished = row.integer() != 0;
  columns.state = row.bytes();
  const std::string_view tool_id = row.bytes();
  columns.tags = tags_of(tool_id, row.bytes());
  const std::string tags = packed(columns.tags);
  const std::string revision = random_revision();
  connection
      .query(
          "INSERT INTO jobs SELECT no, job_id, created, first_seq, head_seq, tombstone, unfinished,"
          " CAST(state AS BLOB), ?1, ?2, head FROM jobs_1 WHERE no = ?3",
          Blob{tags}, Blob{revision}, no)
      .run();
  put_name(connection, job_id, no);
  enter(connection, no, job_id, columns, tombstone);
}

std::int64_t count_jobs(Connection& connection) {
  auto query = connection.query("SELECT count(*) FROM jobs");
  return query.step() ? query.integer() : 0;
}

// Tells of the work every few seconds.
class Report {
 public:
  Report(std::string path, std::int64_t total, const std::function<void(const std::string&)>& tell)
      : path_(std::move(path)), total_(total), tell_(tell) {
    say("begins");
  }
  void one_more() {
    if (++done_ == total_ || std::chrono::steady_clock::now() < next_) return;
    say("has done " + std::to_string(done_));
  }
  void end() { say("has done"); }

 private:
  void say(const std::string& what) {
    constexpr std::chrono::seconds kEvery(3);
    next_ = std::chrono::steady_clock::now() + kEvery;
    const std::string all =
        what == "begins" ? ", " + std::to_string(total_) + " jobs"
                         : (done_ == total_ ? " all " : " of ") + std::to_string(total_) + " jobs";
    tell_("the change of " + path_ + " to layout " + std::to_string(kLayout) + ' ' + what + all);
  }

  const std::string path_;
  const std::int64_t total_;
  const std::function<void(const std::string&)>& tell_;
  std::int64_t done_ = 0;
  std::chrono::steady_clock::time_point next_;
};

// Ids are random, and each job is entered at a dozen places: with the cache of every day nearly
// every entry would read a page again and write one out.  This one holds the indexes of a million
// jobs, and is given back as soon as they stand.
class LargeCache {
 public:
  explicit LargeCache(Connection& connection)
      : connection_(connection), before_(connection.ask("PRAGMA cache_size")) {
    connection_.run("PRAGMA cache_size = -300000");  // KiB
  }
  ~LargeCache() {
    try {
      connection_.run("PRAGMA cache_size = " + before_);
      connection_.run("PRAGMA shrink_memory");
    } catch (const Error&) {  // it costs memory, nothing else
    }
  }
  LargeCache(const LargeCache&) = delete;

 private:
  Connection& connection_;
  const std::string before_;
};

}  // namespace

void migrate(Connection& connection, const std::function<void(const std::string&)>& tell) {
  const LargeCache cache(connection);
  Transaction transaction(connection, Transaction::Kind::write);
  Report report(connection.path(), count_jobs(connection), tell);
  connection.run("ALTER TABLE jobs RENAME TO jobs_1");
  make_tables(connection);
  {
    auto rows = connection.query(
        "SELECT no, job_id, created, tombstone, unfinished, state, tool_id, labels FROM jobs_1"
        " ORDER BY no");
    while (rows.step()) {
      copy_job(connection, rows);
      report.one_more();
    }
  }
  connection.run("DROP TABLE jobs_1");
  mark_layout(connection);
  transaction.commit();
  report.end();
}

}  // namespace domed

#include "job_reader.h"

#include <algorithm>
#include <deque>
#include <limits>
#include <utility>

#include "domed/store_rules.h"
#include "job_writer.h"

namespace domed::postgres {
namespace {

// Of a page, each a row of an index: a few milliseconds.
constexpr std::int64_t kMostLooks = 5000;

#define DOMED_RECORD                                                                      \
  "j.job_id, j.revision, j.first_seq, j.head_seq, j.tombstone, j.created, j.unfinished, " \
  "j.state, j.tags"
constexpr int kHead = 9, kFixed = 10;

JobRecord record_of(const Rows& rows, int row) {
  JobRecord record;
  record.job_id = rows.bytes(row, 0);
  record.revision = rows.bytes(row, 1);
  record.first_seq = static_cast<std::uint64_t>(rows.number(row, 2));
  record.head_seq = static_cast<std::uint64_t>(rows.number(row, 3));
  record.tombstone = rows.boolean(row, 4);
  record.columns.created = rows.number(row, 5);
  record.columns.unfinished = rows.boolean(row, 6);
  record.columns.state = rows.bytes(row, 7);
  record.columns.tags = rows.array(row, 8);
  record.head = rows.bytes(row, kHead);
  return record;
}

JobRecord whole_record_of(const Rows& rows, int row) {
  JobRecord record = record_of(rows, row);
  if (!rows.is_null(row, kFixed)) record.fixed = rows.bytes(row, kFixed);
  return record;
}

// $1 id, $2 from, $3 most events, $4 most bytes.  The chunks of a page: the first one, and those
// that begin below "most bytes" behind its end.  "head" comes with the first row alone.
#define DOMED_CHUNKS(order)                                                                  \
  "SELECT " DOMED_RECORD                                                                     \
  ", CASE WHEN coalesce(c.no, 1) = 1 THEN j.head END, c.first, c.ends, c.lines FROM jobs j " \
  "LEFT JOIN LATERAL (SELECT * FROM (SELECT n.*, row_number() OVER w AS no, "                \
  "sum(size) OVER w - size - first_value(size) OVER w AS before "                            \
  "FROM (SELECT * FROM chunks WHERE job_id = j.job_id AND " order " LIMIT $3) n "
constexpr Statement kForward{
    "forward",
    DOMED_CHUNKS("first >= coalesce((SELECT max(first) FROM chunks WHERE job_id = $1 AND first <= "
                 "greatest($2, j.first_seq)), 0) AND j.head_seq >= $2 ORDER BY first")
    "WINDOW w AS (ORDER BY first)) m WHERE before < $4) c ON true WHERE j.job_id = $1 "
    "ORDER BY c.first"};
constexpr Statement kBackward{
    "backward", DOMED_CHUNKS("first < $2 AND first + count > j.first_seq ORDER BY first DESC")
                "WINDOW w AS (ORDER BY first DESC)) m WHERE before < $4) c ON true "
                "WHERE j.job_id = $1 ORDER BY c.first DESC"};

// A line of a page, as it lies in a chunk.
struct Line {
  std::uint64_t seq;
  std::string_view bytes;
};

// The lines of the chunk in "row", whose seqs are from "from" to below "end".
std::vector<Line> lines_of(const Rows& rows, int row, std::uint64_t from, std::uint64_t end) {
  std::vector<Line> lines;
  std::uint64_t seq = static_cast<std::uint64_t>(rows.number(row, kHead + 1));
  const std::string_view ends = rows.bytes(row, kHead + 2), bytes = rows.bytes(row, kHead + 3);
  std::size_t begin = 0;
  for (std::size_t i = 0; i + 4 <= ends.size(); i += 4, ++seq) {
    const std::size_t stop = get(ends.substr(i, 4));
    if (stop <= begin || stop > bytes.size())
      throw Error(Code::corruption, "store-postgres: the chunk at " + std::to_string(seq) +
                                        " of the job '" + rows.text(row, 0) + "' is damaged");
    if (seq >= from && seq < end) lines.push_back({seq, bytes.substr(begin, stop - begin)});
    begin = stop;
  }
  return lines;
}

constexpr Statement kFind{"find", "SELECT " DOMED_RECORD
                                  ", j.head, f.bytes FROM jobs j LEFT JOIN fixed f "
                                  "ON f.job_id = j.job_id WHERE j.job_id = $1"};

// "scan" is what is looked at, "hits" what is asked for, and the page ends at the bytes in $1.
// The last row tells how much was looked at, and where that ended.
const char* const kPage =
    "pages AS (SELECT " DOMED_RECORD
    ", j.head, f.bytes, hits.no, sum(length(j.head) + coalesce(length(f.bytes), 0)) OVER w - "
    "length(j.head) - coalesce(length(f.bytes), 0) AS before "
    "FROM hits JOIN jobs j USING (job_id) LEFT JOIN fixed f ON f.job_id = j.job_id "
    "WINDOW w AS (ORDER BY hits.no)) "
    "SELECT job_id, revision, first_seq, head_seq, tombstone, created, unfinished, state, tags, "
    "head, bytes, (SELECT count(*) FROM scan), (SELECT job_id FROM scan ORDER BY no DESC LIMIT 1), "
    "(SELECT created FROM scan ORDER BY no DESC LIMIT 1), (SELECT count(*) FROM hits) "
    "FROM (SELECT 1) one LEFT JOIN pages ON before <= $1 ORDER BY no";

// One parameter after the other, and their names in the statement.
struct Parts {
  std::string sql;
  Values values;
  std::deque<std::string> kept;  // what "values" has views of
  std::string next() { return '$' + std::to_string(values.count()); }
  std::string bytes(std::string_view value) {
    values.bytes(kept.emplace_back(value));
    return next() + "::bytea";
  }
  std::string number(std::int64_t value) {
    values.number(value);
    return next() + "::int8";
  }
};

// What is behind all ids that begin with "prefix"; empty: nothing is.
std::string behind(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

std::vector<std::string> lists_of(const ListQuery& query) {
  std::vector<std::string> lists;
  if (query.tombstones) return {"t"};
  for (const std::string& tag : query.tags) lists.push_back('#' + tag);
  if (!query.state.empty()) lists.push_back('s' + query.state);
  if (query.unfinished) lists.emplace_back("u");
  if (lists.empty()) lists.emplace_back("a");
  return lists;
}

// The conditions on a job "j" that its list does not stand for.
std::string conditions(const ListQuery& query, Parts& parts) {
  std::string sql = query.tombstones ? " AND j.tombstone" : " AND NOT j.tombstone";
  if (query.unfinished) sql += " AND j.unfinished";
  if (!query.state.empty()) sql += " AND j.state = " + parts.bytes(query.state);
  for (const std::string& tag : query.tags) sql += " AND " + parts.bytes(tag) + " = ANY(j.tags)";
  if (query.since != 0) sql += " AND j.created >= " + parts.number(query.since);
  return sql;
}

std::string by_time(const ListQuery& query, Parts& parts) {
  // No id is as long as this one, so that it is behind all of the last "created" too.
  static const std::string kBehindAll(rules::kMaxJobId + 1, '\xff');
  const bool first = query.before == 0 && query.before_id.empty();
  const std::string bound =
      '(' + parts.number(first ? INT64_MAX : query.before) + ", " +
      parts.bytes(first ? std::string_view(kBehindAll) : std::string_view(query.before_id)) + ')';
  const auto lists = lists_of(query);
  std::string sql = "SELECT created, job_id FROM listed WHERE list = " + parts.bytes(lists[0]) +
                    " AND (created, job_id) < " + bound;
  if (query.since != 0) sql += " AND created >= " + parts.number(query.since);
  return sql + " ORDER BY created DESC, job_id DESC";
}

std::string by_id(const ListQuery& query, Parts& parts) {
  std::string sql =
      "SELECT created, job_id FROM jobs WHERE job_id >= " + parts.bytes(query.id_prefix) +
      " AND job_id > " + parts.bytes(query.after_id);
  if (const std::string end = behind(query.id_prefix); !end.empty())
    sql += " AND job_id < " + parts.bytes(end);
  return sql + " ORDER BY job_id";
}

}  // namespace

std::optional<Slice> read_log(Connection& connection, Deadline deadline, std::string_view job_id,
                              std::uint64_t from, std::size_t max_events, std::size_t max_bytes,
                              Direction direction) {
  const bool forward = direction == Direction::forward;
  // Offsets in a slice have 32 bits; and a seq may be asked for that no log has.
  constexpr std::size_t kMost = std::numeric_limits<std::uint32_t>::max();
  max_bytes = std::min(max_bytes, kMost);
  max_events = std::clamp<std::size_t>(max_events, 1, kMost);
  from = std::min<std::uint64_t>(from, kMaxSeq + 1);
  Values values;
  values.bytes(job_id).number(static_cast<std::int64_t>(from));
  values.number(static_cast<std::int64_t>(max_events) + 1);
  values.number(static_cast<std::int64_t>(max_bytes));
  const Rows rows = connection.run(forward ? kForward : kBackward, values, deadline);
  if (rows.size() == 0) return std::nullopt;
  Slice slice;
  slice.job = record_of(rows, 0);
  const std::uint64_t first = forward ? std::max(from, slice.job.first_seq) : slice.job.first_seq;
  const std::uint64_t end = forward ? kMaxSeq + 1 : from;
  std::vector<Line> page;
  std::size_t bytes = 0;
  const auto fits = [&](const Line& line) {
    if (page.size() >= max_events) return false;
    return page.empty() || bytes + line.bytes.size() <= max_bytes;
  };
  for (int row = 0; row < rows.size() && !rows.is_null(row, kHead + 1); ++row) {
    std::vector<Line> lines = lines_of(rows, row, first, end);
    if (!forward) std::reverse(lines.begin(), lines.end());
    std::size_t taken = 0;
    for (; taken < lines.size() && fits(lines[taken]); ++taken) {
      bytes += lines[taken].bytes.size();
      page.push_back(lines[taken]);
    }
    if (taken < lines.size()) break;
  }
  if (!forward) std::reverse(page.begin(), page.end());
  if (!page.empty()) slice.from = page.front().seq;
  slice.events.reserve(bytes);
  for (const Line& line : page) {
    slice.events += line.bytes;
    slice.ends.push_back(static_cast<std::uint32_t>(slice.events.size()));
  }
  return slice;
}

std::optional<JobRecord> find_job(Connection& connection, Deadline deadline,
                                  std::string_view job_id) {
  const Rows rows = connection.run(kFind, Values().bytes(job_id), deadline);
  if (rows.size() == 0) return std::nullopt;
  return whole_record_of(rows, 0);
}

JobPage list_jobs(Connection& connection, Deadline deadline, const ListQuery& query) {
  const bool by_ids = !query.id_prefix.empty();
  Parts parts;
  parts.number(static_cast<std::int64_t>(std::min<std::size_t>(query.max_bytes, INT64_MAX)));
  parts.sql = "WITH scan AS MATERIALIZED (SELECT row_number() OVER () AS no, * FROM (" +
              (by_ids ? by_id(query, parts) : by_time(query, parts)) + " LIMIT " +
              parts.number(kMostLooks) + ") s), ";
  parts.sql +=
      "hits AS MATERIALIZED (SELECT scan.no, scan.job_id FROM scan JOIN jobs j USING "
      "(job_id) WHERE true" +
      conditions(query, parts) + " ORDER BY scan.no LIMIT " +
      parts.number(static_cast<std::int64_t>(query.limit) + 1) + "), " + kPage;
  const Rows rows = connection.run(parts.sql, parts.values, deadline);
  JobPage page;
  std::size_t bytes = 0;
  bool full = false;
  for (int row = 0; row < rows.size() && !rows.is_null(row, 0) && !full; ++row) {
    JobRecord record = whole_record_of(rows, row);
    full = page.jobs.size() == query.limit || !page_takes(query, page.jobs.size(), bytes, record);
    if (!full) page.jobs.push_back(std::move(record));
  }
  if (rows.size() == 0) return page;
  const auto hits = static_cast<std::size_t>(rows.number(0, kFixed + 4));
  if (page.jobs.size() < hits) {
    const JobRecord& last = page.jobs.back();
    end_page(query, last.columns.created, last.job_id, page);
  } else if (rows.number(0, kFixed + 1) == kMostLooks) {
    // There may be more behind what was looked at.
    end_page(query, rows.number(0, kFixed + 3), rows.text(0, kFixed + 2), page);
  }
  return page;
}

}  // namespace domed::postgres

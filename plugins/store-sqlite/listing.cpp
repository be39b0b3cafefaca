#include "listing.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "domed/store_rules.h"
#include "list_scan.h"
#include "list_walk.h"
#include "rows.h"

namespace domed {
namespace {

using sqlite::Blob;
using sqlite::Connection;
using sqlite::Transaction;

// A first letter tells the kinds of lists apart.
const std::string kAll = "a";
const std::string kTombstones = "t";
const std::string kUnfinished = "u";
std::string of_state(std::string_view state) {
  return 's' + std::string(state);
}
std::string of_tag(std::string_view tag) {
  return '#' + std::string(tag);
}

// What a page may still cost, in steps from one row of an index to the next.  Counted, not
// timed, so that a page is the same on every machine; all of it takes a millisecond or two.
class Effort {
 public:
  static constexpr int kSearch = 20, kRecord = 10;

  void take(int steps) { left_ -= steps; }
  bool is_spent() const { return left_ <= 0; }

 private:
  int left_ = 2500;
};

// Walks one list from the newest job down.
class Cursor {
 public:
  // Statements are kept by their text, and cursors of one page are open side by side:
  // "index" tells theirs apart.
  Cursor(Connection& connection, Effort& effort, std::string list, std::size_t index)
      : connection_(connection),
        effort_(effort),
        list_(std::move(list)),
        down_(
            "SELECT list, created, job_id, no FROM listed WHERE (list, created, job_id) <= (?1, "
            "?2, ?3) ORDER BY list DESC, created DESC, job_id DESC -- " +
            std::to_string(index)) {}

  // Goes on to the first place below "bound", or at it where "at" is true; false: there is
  // none.  "bound" only ever goes down.
  bool to(const Place& bound, bool at) {
    for (int i = 0; rows_ && i <= steps_; ++i) {
      if (reached(bound, at)) {
        if (i > 0) steps_ = std::min(2 * steps_, kMostSteps);
        return true;
      }
      if (!step()) return false;
    }
    if (rows_) steps_ = std::max(steps_ / 2, 1);
    search(bound);
    if (!step()) return false;
    check_landing(bound);
    return reached(bound, at) || step();
  }
  const Place& place() const { return rows_->row().place; }
  std::int64_t no() const { return rows_->row().no; }

 private:
  bool reached(const Place& bound, bool at) const {
    return place() < bound || (at && place() == bound);
  }
  void search(const Place& bound) {
    effort_.take(Effort::kSearch);
    rows_.reset();
    from_ = bound;
    any_ = false;
    rows_.emplace(connection_, down_, Way::down, Blob{list_}, from_.created, Blob{from_.job_id});
  }
  // Whether the search came down where it should.  Its wrong turn at a damaged key shows in that
  // key's order beside the next one: the two above the place found, looked at from there, because
  // SQLite tests each row against a bound and would pass over the second in silence.
  void check_landing(const Place& bound) {
    if (place() > bound) rows_->refuse();
    Walk up(connection_,
            "SELECT list, created, job_id, no FROM listed WHERE (list, created, job_id) >= (?1, "
            "?2, ?3) ORDER BY list, created, job_id LIMIT 3",
            Way::up, Blob{list_}, place().created, Blob{place().job_id});
    const bool found = up.next() && up.row().place == place();
    if (!found || (up.next() && up.row().list == list_ && up.row().place <= bound)) up.refuse();
  }
  // The end of the list is told by a row of another list, not by SQLite: one that only looks
  // so, because it is damaged, would hide all that is behind it.
  bool step() {
    effort_.take(1);
    const bool next = rows_->next();
    if (next && rows_->row().list == list_) return any_ = true;
    check_end(!any_ ? from_ : next ? rows_->previous().place : place());
    return false;
  }
  // The list seen from its other end has to begin where this walk ended, at "last": a pointer to
  // another page leaves the order of the rows as it should be.
  void check_end(const Place& last) {
    auto lowest = connection_.query(
        "SELECT created, job_id FROM listed WHERE (list, created, job_id) > (?1, ?2, x'') AND"
        " list = ?1 ORDER BY list, created, job_id LIMIT 1",
        Blob{list_}, INT64_MIN);
    if (!lowest.step()) return;
    const std::int64_t created = lowest.integer();
    if (Place{created, std::string(lowest.bytes())} < last) rows_->refuse();
  }

  Connection& connection_;
  Effort& effort_;
  const std::string list_, down_;
  // A few steps are cheaper than a new search, many are not: as many as it took lately.
  static constexpr int kMostSteps = 16;
  int steps_ = 4;
  Place from_;        // what "rows_" is bound to
  bool any_ = false;  // whether it had a row of the list
  std::optional<Walk> rows_;
};

// The jobs that stand in all of some lists, from the newest down.  Each list is asked for its
// next one at or below the smallest that the others have, so that what they do not have in
// common is leapt over.
class Common {
 public:
  Common(Connection& connection, Effort& effort, const std::vector<std::string>& lists, Place bound)
      : effort_(effort), begin_(bound), bound_(std::move(bound)) {
    for (const std::string& list : lists)
      cursors_.emplace_back(connection, effort, list, cursors_.size());
  }

  // false: there is none, or the effort is spent.
  bool next() {
    passed_ = bound_;
    bool at = false;
    for (std::size_t agreed = 0, i = 0; agreed < cursors_.size(); i = (i + 1) % cursors_.size()) {
      is_tired_ = effort_.is_spent() && passed_ < begin_;
      if (is_tired_ || !cursors_[i].to(bound_, at)) return false;
      const bool agrees = at && cursors_[i].place() == bound_;
      if (at && !agrees) passed_ = bound_;
      agreed = agrees ? agreed + 1 : 1;
      bound_ = cursors_[i].place();
      at = true;
    }
    return true;
  }
  const Place& place() const { return bound_; }
  std::int64_t no() const { return cursors_.front().no(); }
  // Whether next() ended before the lists did, and then the place behind which to go on: below
  // where this began, above all that was not found.
  bool is_tired() const { return is_tired_; }
  const Place& passed() const { return passed_; }

 private:
  Effort& effort_;
  std::deque<Cursor> cursors_;
  const Place begin_;
  Place bound_, passed_;
  bool is_tired_ = false;
};

// Takes records as long as the page has room.
class Page {
 public:
  Page(Connection& connection, Effort& effort, const ListQuery& query)
      : connection_(connection), effort_(effort), query_(query) {}

  // The job "no", which the list has at "place".  false: the page is full.
  bool take(std::int64_t no, const Place& place) {
    if (std::optional<JobRecord> record = read(no, place)) {
      if (!page_takes(query_, page_.jobs.size(), bytes_, *record)) {
        end_behind(last_);
        return false;
      }
      page_.jobs.push_back(std::move(*record));
    }
    last_ = place;
    if (page_.jobs.size() < query_.limit) return true;
    end_behind(last_);
    return false;
  }
  void end_behind(const Place& place) { end_page(query_, place.created, place.job_id, page_); }
  JobPage result() && { return std::move(page_); }

 private:
  // Empty where it is not one that the query asks for.  A record that cannot be read costs no
  // page: what the list knows of it stands there, without "head", which no job lacks.
  std::optional<JobRecord> read(std::int64_t no, const Place& place) {
    effort_.take(Effort::kRecord);
    try {
      // By id most may not match, and "fixed" may be long.
      const bool by_id = !query_.id_prefix.empty();
      auto row = connection_.query(by_id ? "SELECT " DOMED_RECORD_COLUMNS " FROM jobs WHERE no = ?"
                                         : "SELECT " DOMED_RECORD_COLUMNS DOMED_FIXED_COLUMN
                                           " FROM jobs WHERE no = ?",
                                   no);
      if (row.step()) {
        JobRecord record = record_of(row, !by_id);
        if (record.job_id == place.job_id) {
          if (!matches(query_, record)) return std::nullopt;
          if (by_id) add_fixed(no, record);
          return record;
        }
      }
    } catch (const Error& error) {
      if (error.code() != Code::corruption) throw;
    }
    JobRecord damaged;
    damaged.job_id = place.job_id;
    damaged.columns.created = place.created;
    damaged.columns.state = query_.state;
    damaged.columns.unfinished = query_.unfinished;
    damaged.columns.tags = query_.tags;
    damaged.tombstone = query_.tombstones;
    return damaged;
  }

  void add_fixed(std::int64_t no, JobRecord& record) {
    auto row = connection_.query("SELECT bytes FROM fixed WHERE no = ?", no);
    if (row.step()) record.fixed = row.bytes();
  }

  Connection& connection_;
  Effort& effort_;
  const ListQuery& query_;
  JobPage page_;
  Place last_;  // done with
  std::size_t bytes_ = 0;
};

// The lists that every job of the page stands in; a tombstone has no other than its own.
std::vector<std::string> lists_of(const ListQuery& query) {
  if (query.tombstones) return {kTombstones};
  std::vector<std::string> lists;
  if (query.unfinished) lists.push_back(kUnfinished);
  if (!query.state.empty()) lists.push_back(of_state(query.state));
  for (const std::string& tag : query.tags) lists.push_back(of_tag(tag));
  if (lists.empty()) lists.push_back(kAll);
  return lists;
}

void by_time(Connection& connection, Effort& effort, const ListQuery& query, Page& page) {
  Common jobs(connection, effort, lists_of(query), bound_of(query));
  while (jobs.next()) {
    if (query.since != 0 && jobs.place().created < query.since) return;
    if (!page.take(jobs.no(), jobs.place())) return;
  }
  const bool all_seen = query.since != 0 && jobs.passed().created < query.since;
  if (jobs.is_tired() && !all_seen) page.end_behind(jobs.passed());
}

void by_id(Connection& connection, Effort& effort, const ListQuery& query, Page& page) {
  const std::string& begin = std::max(query.id_prefix, query.after_id);
  check_order(connection,
              "SELECT x'', 0, job_id, no FROM jobs WHERE job_id < ? ORDER BY job_id DESC LIMIT 2",
              Way::down, Blob{begin});
  Walk jobs(connection, "SELECT x'', 0, job_id, no FROM jobs WHERE job_id >= ? ORDER BY job_id",
            Way::up, Blob{begin});
  Place last;
  while (jobs.next()) {
    effort.take(1);
    const Place& place = jobs.row().place;
    if (place.job_id < begin) jobs.refuse();
    if (!place.job_id.starts_with(query.id_prefix)) break;
    last = place;
    if (place.job_id == query.after_id) continue;
    if (!page.take(jobs.row().no, place)) return;
    if (effort.is_spent()) return page.end_behind(last);
  }
  // As at the end of a list.
  const std::string behind = query.id_prefix + behind_all();
  auto highest = connection.query(
      "SELECT job_id FROM jobs WHERE job_id < ? ORDER BY job_id DESC LIMIT 1", Blob{behind});
  if (highest.step() && highest.bytes() > std::max(begin, last.job_id)) jobs.refuse();
}

}  // namespace

std::vector<std::string> lists_of(const JobColumns& columns, bool tombstone) {
  if (tombstone) return {kTombstones};
  std::vector<std::string> lists = {kAll, of_state(columns.state)};
  if (columns.unfinished) lists.push_back(kUnfinished);
  for (const std::string& tag : columns.tags) lists.push_back(of_tag(tag));
  return lists;
}

JobPage list_jobs(Connection& connection, const ListQuery& query,
                  const std::function<void(const std::string&)>& tell) {
  const Transaction snapshot(connection, Transaction::Kind::read);
  Effort effort;
  try {
    Page page(connection, effort, query);
    query.id_prefix.empty() ? by_time(connection, effort, query, page)
                            : by_id(connection, effort, query, page);
    return std::move(page).result();
  } catch (const Error& error) {
    if (error.code() != Code::corruption) throw;
    tell(connection.path() + ": a list of jobs is damaged (" + error.what() +
         "); pages that run over the damage are made from the records of all jobs, slowly");
  }
  Page page(connection, effort, query);
  for (const auto& [place, no] : scan_jobs(connection, query))
    if (!page.take(no, place)) break;
  return std::move(page).result();
}

}  // namespace domed

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domed/error.h"

namespace domed {

// What a completed commit survives; each all of those before it.
enum class Durability {
  none,     // nothing: the store lives in this process
  process,  // kill -9 of every process
  power,    // loss of power
  machine,  // loss of any one machine for good
};

// What listings ask for; kept verbatim, compared bytewise.
struct JobColumns {
  std::int64_t created = 0;  // microseconds since 1970; not unique
  std::string state;
  bool unfinished = false;
  // Exact strings of the kernel's, such as "tool=make" or "label:branch=main": at most
  // kMaxTags, none twice, each 1 to kMaxTagBytes bytes of any kind.
  std::vector<std::string> tags;
};
inline constexpr std::size_t kMaxTags = 64;
inline constexpr std::size_t kMaxTagBytes = 1024;

// One job as the store keeps it.  "fixed" and "head" are the kernel's bytes and
// mean nothing to a store.  A tombstone has no events, an empty "fixed", and
// keeps "head", "head_seq" and "columns" as the purge gave them.
struct JobRecord {
  std::string job_id;
  std::string revision;         // of the last entry that was done: kRevisionBytes of it
  std::uint64_t first_seq = 1;  // the oldest seq retained; head_seq + 1 when none is
  std::uint64_t head_seq = 0;
  bool tombstone = false;
  JobColumns columns;
  std::string fixed;  // empty where the caller did not ask for it
  std::string head;
};
inline constexpr std::size_t kRevisionBytes = 16;

// One atomic change to one job.  Every view must stay valid during commit().
struct Entry {
  enum class Action {
    append,  // adds "events", or none; without "expected_revision" it creates the log
    trim,    // forgets the events below "first_seq"; adds none
    purge,   // forgets events and "fixed", leaves a tombstone
    drop,    // forgets a tombstone; writes nothing
  };
  Action action = Action::append;
  std::string_view job_id;  // any bytes, 1 to 512 of them
  // Compare and set.  The job (append, trim, purge) or tombstone (drop) must have
  // exactly this revision.  Empty, for an append only: neither may exist.
  std::string_view expected_revision;
  // What the record has afterwards: kRevisionBytes random bytes, never given before, so
  // that no two states of a job, lost ones included, have the same.
  std::string_view revision;
  // append: the seq before that of the first line.  It must be the head of a job that
  // exists.  Where the log is created it is 0, or more for a copy of a trimmed log,
  // which then begins at base + 1.
  std::uint64_t base = 0;
  // append: whole event lines, each ended by one LF and containing no other.
  // At most kMaxEntryBytes.  Line i has the seq base + 1 + i.
  std::string_view events;
  // append: the offset just past the LF of each line; ends.size() lines.
  std::span<const std::uint32_t> ends;
  std::uint64_t first_seq = 0;            // trim: the new oldest seq, at most head + 1
  std::optional<std::string_view> fixed;  // append, trim: absent leaves it as it is
  std::string_view head;                  // always written, but by a drop
  JobColumns columns;                     // likewise; "created" only at creation
};
inline constexpr std::size_t kMaxEntryBytes = 512 * 1024;
inline constexpr std::uint64_t kMaxSeq = 0xffffffff;  // no log has a larger one

// What became of an entry.
enum class Outcome {
  done,      // durable as declared, visible to every later read
  conflict,  // expected_revision did not hold; nothing of this entry was kept
  // The engine did not answer, and may have committed, or may yet.  A store says so at
  // once; but until the engine can no longer apply that commit, it answers no read of
  // this object: it waits, or throws Error(io).  The next read that succeeds settles it:
  // the record has this entry's revision, or never will have.
  unknown,
};

// A range of one log and the job's record, both from one snapshot.
struct Slice {
  JobRecord job;                    // without "fixed"
  std::string events;               // whole lines, each with its LF
  std::vector<std::uint32_t> ends;  // as in Entry
  std::uint64_t from = 0;           // the seq of the first line, where there is one
};

// Which way a read goes from where it begins.
enum class Direction { forward, backward };

// Which jobs a page of records shows.  Empty fields do not restrict.
//
// The order is (created, job_id), newest first, ids compared bytewise; with an
// "id_prefix" it is that of the ids, the smallest first.
struct ListQuery {
  std::string state;
  std::vector<std::string> tags;  // at most two; a job must have all of them
  std::int64_t since = 0;         // only jobs with created >= since; 0: all
  // Only what comes behind the job (before, before_id) in the order: older ones, and of
  // its own "created" those with a smaller id.  Both empty: all.
  std::int64_t before = 0;
  std::string before_id;    // empty: none of that "created"
  std::string id_prefix;    // only ids that begin with it
  std::string after_id;     // with an "id_prefix": only ids greater than this one
  std::size_t limit = 100;  // 1 to 10000
  // The page ends before a record, though not its first, that would bring its "fixed" and
  // "head" above this many bytes.
  std::size_t max_bytes = SIZE_MAX;
  bool unfinished = false;  // true: only jobs whose columns say so
  bool tombstones = false;  // true: tombstones only; false: jobs only
};

// A page of records: the first ones that a query asks for, in its order, none left out.  A store
// bounds the work of a page, whatever the filters: where it has looked at enough it ends the
// page, which then is shorter than asked, even empty, and says where to go on.
struct JobPage {
  std::vector<JobRecord> jobs;
  // True: there may be more.  The next page is that of the same query with the fields below in
  // place of its own of these names: the place of a job, there or gone, at or behind the last
  // of "jobs" and behind where this page began, so that whoever goes on comes to the end.
  // False: nothing that the query asks for comes behind "jobs".
  bool more = false;
  std::int64_t before = 0;
  std::string before_id;
  std::string after_id;  // with an "id_prefix", and this one alone
};

// Keeps the logs and records of jobs: bytes in, the same bytes out.  All meaning
// (states, idempotency, digests) is the kernel's, so a store has few ways to be
// wrong.  It need not check its bytes either: the kernel's checksums are among them.
//
// Openers: the second object on the same place, in this process or another, is refused
// with Error(conflict) when it is made, unless the store has both facets Watch and Leases.
//
// Thread safety: commit() is called by one thread at a time; every reading
// method may be called by any thread at any time, and does not wait for a commit
// that is under way longer than the medium requires.
//
// Errors: throws domed::Error only.  "Not there" is a value, not an error.
// Error(stale) from any method says that acknowledged commits may have been lost under
// this object, by a failover for example: every later call throws it too, and a new
// object has another incarnation.
class Store {
 public:
  virtual ~Store() = default;

  // What a commit survives.  Constant for the life of the object.
  virtual Durability durability() const noexcept = 0;

  // A name for one unbroken history of this place: 1 to 64 bytes of [0-9a-zA-Z.-].
  // Constant for the life of the object, and the same for the next object as long as
  // everything acknowledged is there; another one when some of it may have been lost: a
  // copy from a backup, a log of changes that is not the one that was left, an unclean
  // end of the machine below Durability::power, any new life of a store in memory.
  virtual std::string incarnation() const = 0;

  // Applies "entries", which are for different jobs.  Each entry is atomic; on
  // return every entry that is "done" is durable and visible, and what became of one
  // entry does not depend on another.  Outcomes stand in the order of the entries.
  // Throws when nothing of the whole batch was applied (Error io, exhausted,
  // corruption, stale), or invalid_argument for a batch that breaks the rules above,
  // nothing of which is then applied either: among them an append whose revision holds
  // and whose "base" is not the head, or that goes beyond kMaxSeq.
  virtual std::vector<Outcome> commit(std::span<const Entry> entries) = 0;

  // Events of "job_id", at most "max_events", at most "max_bytes" of lines, yet always
  // at least one where there is any: forward, from seq "from" on (at least 1; below the
  // retained range it reads from first_seq, the caller compares); backward, the last
  // ones below "from" (above head + 1 it reads as from there).  Ascending in either case.
  // nullopt: no such job.  A tombstone yields a slice without events.
  virtual std::optional<Slice> read(std::string_view job_id, std::uint64_t from,
                                    std::size_t max_events, std::size_t max_bytes,
                                    Direction direction = Direction::forward) const = 0;

  // The whole record, "fixed" included; tombstones too.
  virtual std::optional<JobRecord> find(std::string_view job_id) const = 0;

  // One page of records, "fixed" included.  Each record is whole; the page need not be
  // one snapshot.
  virtual JobPage list(const ListQuery& query) const = 0;
};

}  // namespace domed

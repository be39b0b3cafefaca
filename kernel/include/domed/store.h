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

// What a completed commit survives.
enum class Durability {
  none,     // nothing: the store lives in this process
  process,  // kill -9 of every process
  power,    // loss of power
};

// The few columns that listings ask for; kept verbatim, compared bytewise.
struct JobColumns {
  std::int64_t created = 0;  // unique per store, larger for newer jobs; microseconds since 1970
  std::string state;
  bool unfinished = false;
  std::string tool_id;              // empty: none
  std::vector<std::string> labels;  // "key=value"; without LF
};

// One job as the store keeps it.  "fixed" and "head" are the kernel's bytes and
// mean nothing to a store.  A tombstone has no events, an empty "fixed", and
// keeps "head", "head_seq" and "columns" as the purge gave them.
struct JobRecord {
  std::string job_id;
  std::uint64_t first_seq = 1;  // the oldest seq retained; head_seq + 1 when none is
  std::uint64_t head_seq = 0;
  bool tombstone = false;
  JobColumns columns;
  std::string fixed;  // empty where the caller did not ask for it
  std::string head;
};

// One atomic change to one job.  Every view must stay valid during commit().
struct Entry {
  enum class Action {
    append,  // adds "events"; with expected_head 0 it creates the log
    trim,    // forgets the events below "first_seq"; adds none
    purge,   // forgets events and "fixed", leaves a tombstone
    drop,    // forgets a tombstone; writes nothing
  };
  Action action = Action::append;
  std::string_view job_id;  // any bytes, 1 to 512 of them
  // Compare and set.  append: the job must have exactly this head; 0 means that
  // neither job nor tombstone may exist.  Else the present head, of a job for trim
  // and purge, of a tombstone for drop.
  std::uint64_t expected_head = 0;
  // append: whole event lines, each ended by one LF and containing no other.
  // At most kMaxEntryBytes.  Line i has the seq base() + 1 + i.
  std::string_view events;
  // append: the offset just past the LF of each line; ends.size() lines.
  std::span<const std::uint32_t> ends;
  // trim: the new oldest seq, at most head + 1.  append that creates a log: the
  // seq of its first line where that is not 1, as in a copy of a trimmed log.
  std::uint64_t first_seq = 0;
  std::optional<std::string_view> fixed;  // append, trim: absent leaves it as it is
  std::string_view head;                  // always written
  JobColumns columns;                     // always written, "created" only at creation

  // The seq before that of the first line.
  std::uint64_t base() const {
    const bool begins_later = action == Action::append && expected_head == 0 && first_seq > 1;
    return begins_later ? first_seq - 1 : expected_head;
  }
};
inline constexpr std::size_t kMaxEntryBytes = 512 * 1024;
inline constexpr std::uint64_t kMaxSeq = 0xffffffff;  // no log has a larger one

struct EntryResult {
  enum class Outcome {
    done,      // durable as declared, visible to every later read
    conflict,  // expected_head did not hold, or the log would go beyond kMaxSeq;
               // nothing of this entry was kept
    unknown,   // a remote engine did not answer; the caller re-reads
  };
  Outcome outcome = Outcome::unknown;
  // conflict: the head the job has; 0 where there is no such job.
  std::uint64_t head = 0;
};

// A range of one log and the job's record, both from one snapshot.
struct Slice {
  JobRecord job;                    // without "fixed"
  std::string events;               // whole lines, each with its LF
  std::vector<std::uint32_t> ends;  // as in Entry
  std::uint64_t from = 0;           // the seq of the first line, where there is one
};

// Which jobs a page of records shows, newest first.  Empty fields do not restrict.
struct ListQuery {
  std::string state;
  std::string tool_id;
  std::string label;         // "key=value"
  std::int64_t since = 0;    // only jobs with created >= since
  std::int64_t before = 0;   // only jobs with created < before; 0: all
  std::size_t limit = 100;   // 1 to 10000
  // The page ends before a record that would bring its "fixed" and "head" above
  // this many bytes, yet holds at least one where there is any.
  std::size_t max_bytes = SIZE_MAX;
  bool unfinished = false;   // true: only jobs whose columns say so
  bool tombstones = false;   // true: tombstones only; false: jobs only
};

// Keeps the logs and records of jobs: bytes in, the same bytes out.  All meaning
// (states, idempotency, digests) is the kernel's, so a store has few ways to be
// wrong.
//
// Thread safety: commit() is called by one thread at a time; every reading
// method may be called by any thread at any time, and does not wait for a commit
// that is under way longer than the medium requires.
// Errors: throws domed::Error only.  "Not there" is a value, not an error.
class Store {
 public:
  virtual ~Store() = default;

  // What a commit survives.  Constant for the life of the object.
  virtual Durability durability() const noexcept = 0;

  // Applies "entries", which are for different jobs.  Each entry is atomic; on
  // return every entry that is "done" is durable and visible.  Results stand in
  // the order of the entries.  Throws when nothing of the whole batch was
  // applied (Error io, exhausted, corruption), or invalid_argument for a batch
  // that breaks the rules above, nothing of which is then applied either.
  virtual std::vector<EntryResult> commit(std::span<const Entry> entries) = 0;

  // Events of "job_id" from seq "from" on (from is at least 1): at most
  // "max_events", at most "max_bytes" of lines, yet always at least one event
  // where there is any at or above "from".  A "from" below the retained range
  // reads from first_seq; the caller compares.  nullopt: no such job.  A
  // tombstone yields a slice without events.
  virtual std::optional<Slice> read(std::string_view job_id, std::uint64_t from,
                                    std::size_t max_events, std::size_t max_bytes) const = 0;

  // The whole record, "fixed" included; tombstones too.
  virtual std::optional<JobRecord> find(std::string_view job_id) const = 0;

  // One page of records, newest "created" first, "fixed" included.
  virtual std::vector<JobRecord> list(const ListQuery& query) const = 0;
};

}  // namespace domed

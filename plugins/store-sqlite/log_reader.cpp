#include "log_reader.h"

#include <functional>
#include <string>
#include <string_view>

#include "lines.h"
#include "schema.h"

namespace domed {
namespace {

using sqlite::Connection;
using sqlite::Query;

// Thrown, and caught, in this file alone: event "seq" is not there, or unreadable for "why".
struct Damage {
  std::uint64_t seq;
  std::string why;
};

[[noreturn]] void report(const Connection& connection, const JobRecord& job, const Damage& damage) {
  throw Error(Code::corruption, connection.path() + ": event " + std::to_string(damage.seq) +
                                    " of the job '" + job.job_id + "' " + damage.why +
                                    ": stop domed, keep a copy of the file, and restore a backup");
}

constexpr auto kMissing = "is missing although its record says it is there";

// The next chunk; false: no more.  A page that SQLite finds damaged is damage at "seq".
bool step(Query& chunks, std::uint64_t seq) {
  try {
    return chunks.step();
  } catch (const Error& error) {
    if (error.code() != Code::corruption) throw;
    throw Damage{seq, std::string("cannot be read (") + error.what() + ')'};
  }
}

// Runs "body"; what it found before damage is the answer, unless that is nothing.
void until_damage(const Connection& connection, const JobRecord& job,
                  const std::function<void()>& body, const std::function<bool()>& found) {
  try {
    body();
  } catch (const Damage& damage) {
    if (!found()) report(connection, job, damage);
  }
}

// The chunk that holds slice.from and all later ones; keys are the seq of the first line, so
// a hole in a log shows.
void fill_forward(Connection& connection, std::int64_t no, SliceFiller& filler, Slice& slice) {
  auto chunks = connection.query(
      "SELECT key, lines FROM chunks WHERE key >= (SELECT max(key) FROM chunks WHERE key <= ?1)"
      " AND key <= ?2 ORDER BY key",
      chunk_key(no, slice.from), chunk_key(no, slice.job.head_seq));
  std::uint64_t next = slice.from;
  while (next <= slice.job.head_seq) {
    if (!step(chunks, next)) throw Damage{next, kMissing};
    const std::int64_t key = chunks.integer();
    const bool found = key == chunk_key(no, next) ||  // only the first may begin before
                       (next == slice.from && key > chunk_key(no, 0) && key < chunk_key(no, next));
    if (!found) throw Damage{next, kMissing};
    const std::string_view lines = skip_lines(chunks.bytes(), next - chunk_seq(key));
    if (lines.empty()) throw Damage{next, kMissing};
    if (!filler.take(lines)) return;
    next = slice.from + slice.ends.size();
  }
}

// From the chunk that holds "end" - 1 down.  A chunk with fewer lines than its place has room
// for lacks the last ones.
void fill_backward(Connection& connection, std::int64_t no, std::uint64_t end,
                   std::uint64_t first_seq, BackwardFiller& filler) {
  auto chunks =
      connection.query("SELECT key, lines FROM chunks WHERE key >= ? AND key < ? ORDER BY key DESC",
                       chunk_key(no, first_seq), chunk_key(no, end));
  while (end > first_seq) {
    if (!step(chunks, end - 1)) throw Damage{end - 1, kMissing};
    const std::uint64_t seq = chunk_seq(chunks.integer());
    const std::string_view all = chunks.bytes();
    const std::string_view lines = first_lines(all, end - seq);
    if (lines.empty() || count_lines(lines) < end - seq) throw Damage{end - 1, kMissing};
    if (!filler.take(lines)) return;
    end = seq;
  }
}

}  // namespace

void read_forward(Connection& connection, std::int64_t no, const ReadLimits& limits, Slice& slice) {
  SliceFiller filler(slice, limits.events, limits.bytes);
  until_damage(
      connection, slice.job, [&] { fill_forward(connection, no, filler, slice); },
      [&] { return !slice.ends.empty(); });
}

void read_backward(Connection& connection, std::int64_t no, std::uint64_t end,
                   const ReadLimits& limits, Slice& slice) {
  BackwardFiller filler(limits.events, limits.bytes);
  until_damage(
      connection, slice.job,
      [&] { fill_backward(connection, no, end, slice.job.first_seq, filler); },
      [&] { return filler.count() > 0; });
  slice.from = end - filler.count();
  filler.fill(slice);
}

}  // namespace domed

#pragma once

#include <cstdint>

#include "domed/store.h"
#include "sqlite.h"

namespace domed {

// The layout of the database, version 1.
//
//   jobs    one small row per job or tombstone: where its log begins and ends,
//           the columns that listings filter by, and the kernel's "head".
//   fixed   the kernel's "fixed", apart, because it is large and written
//           rarely, while a row of jobs is rewritten by every entry.
//   chunks  the logs.  lines holds whole event lines verbatim, each with its LF;
//           key is no << 32 | seq of the first line.  An entry's span is one
//           chunk, or several where it exceeds kChunkBytes, so that a read in
//           the middle never touches much that it does not need.
//
// A line contains no other LF, so offsets are found again by memchr and need no
// column.  A job's "no" is not given to another job while it has chunks: they
// leave in the transaction that makes the tombstone.
//
// Rejected: a row per event (270 bytes on disk per 200-byte event, and pages of
// many jobs scattered through one commit; chunks write a third and read several
// times faster); a key (job_id, seq) without rowid (repeats the id per row);
// growing the last chunk in place (writes the same bytes again at every commit);
// one file per job (one fsync per job where the batch needs only one).
inline constexpr std::int64_t kMaxJobNo = 0x7fffffff;
inline constexpr std::size_t kChunkBytes = 64 * 1024;

inline std::int64_t chunk_key(std::int64_t no, std::uint64_t seq) {
  return no << 32 | static_cast<std::int64_t>(seq);
}
inline std::uint64_t chunk_seq(std::int64_t key) {
  return static_cast<std::uint64_t>(key) & kMaxSeq;
}

// Makes the layout in an empty database, or brings that of an older domed up to
// date, in one transaction.  Throws Error(unsupported), without having changed
// anything, for a database of another program or of a newer domed, and
// Error(corruption) where the version and the tables contradict each other.
void migrate(sqlite::Connection& connection);

}  // namespace domed

#pragma once

#include <cstdint>
#include <string>

#include "domed/store.h"
#include "sqlite.h"

namespace domed {

// The layout of the database, version 2.
//
//   jobs    one small row per job or tombstone: its revision, where its log begins and
//           ends, what listings show, and the kernel's "head".
//   listed  the order of listings, (created, job_id), for each list that a job stands in:
//           "a" all jobs, "t" tombstones, "u" unfinished jobs, "s" and a state, "#" and a
//           tag.  A tombstone stands in "t" alone.  A page by several of them leaps
//           through their lists side by side (listing.cpp).
//   named   a second way to a job by its id, (hash of the id, no), asked only where the index of
//           jobs does not have it (lookup.h).
//   fixed   the kernel's "fixed", apart, because it is large and written rarely, while a
//           row of jobs is rewritten by every entry.
//   chunks  the logs.  lines holds whole event lines verbatim, each with its LF; key is
//           no << 32 | seq of the first line.  An entry's span is one chunk, or several
//           where it exceeds kChunkBytes, so that a read in the middle never touches much
//           that it does not need.
//   meta    what the store knows of itself: names and values.
//
// A line contains no other LF, so offsets are found again by memchr and need no column.  A
// job's "no" is not given to another job while it has chunks: they leave in the transaction
// that makes the tombstone.
//
// A job's tags stand in its row too, packed: a record is one row and "fixed", and an append
// sees in the row that it has in its hands whether they are as they were.  A state changes
// two or three rows of listed; a key (tag, state, created) would find a rare state of a
// frequent tag at once, but change a row for every tag of the job each time.
//
// SQLite keeps no checksums, and believes what an index says: a flipped byte in a key, a pointer
// or a count sends a search past other entries without an error.
//   By id nothing is lost by that: named stands on other pages, each way compares the id with the
// one asked for, and only where both have nothing there is no such job.
//   A list is looked at where that costs next to nothing (list_walk.h, listing.cpp): each row
// beside the next one, the place where a search came down beside its neighbours, the end of a
// list from its other side.  A page that finds something wrong is made from the rows of jobs
// instead, complete, and slow because it reads them all.  Two things are not noticed: a page's
// count of its entries that became smaller (the last ones are left out, at most a page of them),
// and a search that follows a damaged pointer to another page of the same list.  To notice them
// each entry would have to name the next one, which makes every change of a list change two
// entries more; what is left out is found by its id nevertheless.  PRAGMA quick_check finds them
// too, and reads the whole file, so it is no part of opening.
//
// Rejected: a row per event (270 bytes on disk per 200-byte event, and pages of many jobs
// scattered through one commit; chunks write a third and read several times faster); a key
// (job_id, seq) without rowid (repeats the id per row); growing the last chunk in place
// (writes the same bytes again at every commit); one file per job (one fsync per job where
// the batch needs only one); an index of jobs per kind of list beside a table of tags (the
// same rows, and two ways to walk them); numbers for tags in a table of their own (smaller,
// but a number has to be given back when its last job goes).
//
// Version 1 had neither revisions nor listed: tool_id and labels stood in jobs, and
// "created" was unique.
inline constexpr std::int64_t kMaxJobNo = 0x7fffffff;
inline constexpr std::size_t kChunkBytes = 64 * 1024;

// "DOME", as file(1) shows it.
inline constexpr std::int64_t kApplicationId = 0x444f4d45;
inline constexpr std::int64_t kLayout = 2;

inline std::int64_t chunk_key(std::int64_t no, std::uint64_t seq) {
  return no << 32 | static_cast<std::int64_t>(seq);
}
inline std::uint64_t chunk_seq(std::int64_t key) {
  return static_cast<std::uint64_t>(key) & kMaxSeq;
}

// What is deleted of a job's "fixed", its environment among it, is overwritten with zeros
// wherever it lies; of lines only where that costs no further write, because to zero what
// was trimmed must not double the writes.
inline constexpr auto kShredFixed = "PRAGMA secure_delete = ON";
inline constexpr auto kShredLines = "PRAGMA secure_delete = FAST";

// The version found; 0 for an empty database.  Throws Error(unsupported), without having
// changed anything, for a database of another program or of a newer domed, and
// Error(corruption) where the version and the tables contradict each other.
std::int64_t layout_of(sqlite::Connection& connection);

// Makes the layout in a database that has none.
void make_layout(sqlite::Connection& connection);
// Says in the database that it has this layout, within the caller's transaction.
void mark_layout(sqlite::Connection& connection);
// The tables and indexes alone, likewise.
void make_tables(sqlite::Connection& connection);

}  // namespace domed

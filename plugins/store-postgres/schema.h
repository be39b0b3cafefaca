#pragma once

#include <string>

#include "connection.h"

namespace domed::postgres {

// The layout, of which the newest is kLayout (the row "layout" of meta says which one is there):
//
//   jobs     one row a job.  "lists" are the lists that it stands in, "changed" the transaction
//            that wrote it last, by which a watch finds it
//   fixed    what is written rarely, apart from what each commit writes anew
//   chunks   one row an entry: "first" is the seq of its first line, "ends" its offsets in four
//            bytes each.  A trim removes whole chunks; a reader leaves out what is below the
//            job's "first_seq" in the one that was cut
//   listed   (list, created, job_id): the order of listings, for each list: 'a' all, 'u'
//   unfinished,
//            't' tombstones, 's' and a state, '#' and a tag
//   leases   by name; "since" is by the server's clock
//   meta     "layout", and "history": a random name made with the tables
//
// Everything of ours is bytea: a server's text has an encoding and an order of its own.
// Rejected: a sequence as the order of changes (numbers become visible out of order), advisory
// locks as leases (they end with the session), one table a job (a catalogue of millions).
inline constexpr int kLayout = 1;

// Makes schema and tables where they are missing, and brings older ones up to date.  Several may
// do so at once.
void make_schema(Connection& connection, const std::string& schema, Deadline deadline);

}  // namespace domed::postgres

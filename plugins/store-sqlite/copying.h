#pragma once

#include "domed/backup.h"
#include "sqlite.h"
#include "writer_turns.h"

namespace domed {

// A copy of a database in a file of its own, as the facet Backup makes it: a whole database of
// this layout, without a write-ahead log and without an incarnation, so that whatever way it
// comes into use it begins a new one.

// Copies what "writer" has to "fd", in steps that take turns with its commits.  SQLite brings
// pages that change meanwhile up to date in the copy, so that it ends as of one moment and
// holds up neither commits nor checkpoints, as one long read would.
void copy_out(sqlite::Connection& writer, WriterTurns& turns, int fd, Progress& progress);

// Puts the copy in "fd" in the place of everything that "writer" has, as one transaction.
// Throws Error(corruption, unsupported) for what is no such copy, with nothing changed.
void copy_in(sqlite::Connection& writer, int fd, Progress& progress);

}  // namespace domed

#pragma once

#include <sqlite3.h>

#include "history.h"

namespace domed {

// Copies the write-ahead log into the database now and then, after commits of the writer.
class Checkpoints {
 public:
  // After "every" pages the log is copied into the database; beyond eight times as many the
  // writer waits for the readers of the moment, so that the log can begin anew however busy
  // they are.  The others outlive it.
  Checkpoints(sqlite3* writer, History& history, int every);
  Checkpoints(const Checkpoints&) = delete;
  Checkpoints& operator=(const Checkpoints&) = delete;

  // The log holds, or will with the next commit, what was deleted for good: it is to be
  // emptied soon.
  void shred() { shred_ = true; }
  // Copies the log into the database now, as far as readers let it.
  void copy() noexcept;
  // Empties the log now, where no reader stands in the way.
  bool empty() noexcept;

 private:
  void committed(int frames) noexcept;
  void copy(int mode) noexcept;

  sqlite3* const writer_;
  History& history_;
  const int every_;
  int done_ = 0;  // frames of the log that are in the database, or were to be
  bool shred_ = false;
};

}  // namespace domed

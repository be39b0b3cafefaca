#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "checkpoints.h"
#include "sqlite.h"
#include "writer_turns.h"

namespace domed {

// Gives free pages of a database back to the file system, on a thread of its own: a few at a
// time, in turn with commits, which come first.  A step is a commit like any other, synced too:
// the history counts on it that no two commits are ever on their way to the disk.  A sixteenth of
// the file may stay free (or 1 MiB), because what retention frees today is used again tomorrow.
// Only a database that was made with auto_vacuum has what that needs: not one of layout 1.
class Reclaimer {
 public:
  // They outlive it.  "warn" hears what went wrong.
  Reclaimer(sqlite::Connection& writer, Checkpoints& checkpoints, WriterTurns& turns,
            std::function<void(const std::string&)> warn);
  Reclaimer(const Reclaimer&) = delete;
  Reclaimer& operator=(const Reclaimer&) = delete;
  ~Reclaimer();

  // Pages were freed, perhaps.
  void look();

 private:
  void work();
  bool wait(bool busy);
  bool step(std::int64_t& goal);

  sqlite::Connection& writer_;
  Checkpoints& checkpoints_;
  WriterTurns& turns_;
  const std::function<void(const std::string&)> warn_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool look_ = true;  // what an earlier use left
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace domed

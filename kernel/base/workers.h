#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/fair_queue.h"

namespace domed {

// A fixed number of threads that run tasks, those of one connection in the order of arrival, and
// parties in turn.  The queue itself has no bound: whoever adds to it has one.
class Workers {
 public:
  // Throws nothing: there is nobody to tell, and the process would end.
  using Task = std::function<void()>;

  explicit Workers(std::size_t threads);
  ~Workers() { stop(); }

  // Thread-safe.  Runs "task", or, where the threads stop before its turn, calls
  // "dropped" instead: on the stopping thread, or on the caller's own.  "from": whom it is
  // for.
  void run(Task task, Task dropped = {}, Sender from = {});
  // Drops what has not begun, and all that comes later.
  void close();
  // For "grace" goes on with what is queued, then closes, and waits for the tasks
  // that have begun.
  void stop(std::chrono::milliseconds grace = {});

 private:
  struct Queued {
    Task task, dropped;
  };

  void work();

  // Guards what follows but for "threads_", which the constructor fills and stop() joins.
  std::mutex mutex_;
  std::condition_variable wake_, empty_;
  FairQueue<Queued> tasks_;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace domed

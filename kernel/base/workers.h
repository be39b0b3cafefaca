#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace domed {

// A fixed number of threads that run tasks in the order of arrival.  The queue
// itself has no bound: whoever adds to it has one.
class Workers {
 public:
  // Throws nothing: there is nobody to tell, and the process would end.
  using Task = std::function<void()>;

  explicit Workers(std::size_t threads);
  ~Workers() { stop(); }

  // Thread-safe.  Runs "task", or, where the threads stop before its turn, calls
  // "dropped" instead: on the stopping thread, or on the caller's own.
  void run(Task task, Task dropped = {});
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
  std::deque<Queued> tasks_;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace domed

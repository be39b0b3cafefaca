#pragma once

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
  explicit Workers(std::size_t threads);
  ~Workers() { stop(); }

  // Thread-safe.  After stop() the task is dropped.
  void run(std::function<void()> task);
  // Runs what is queued, then ends the threads.
  void stop();

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace domed

#pragma once

#include <httplib.h>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace domed::console {

// The threads that serve connections: one for each while it is open, as httplib reads and writes
// where it stands, and a browser that follows a log stays.  They are made when they are needed, and
// kept.  Above "most" a connection waits until another one ends: it cannot be refused here, where
// only its task is known.
class Threads : public httplib::TaskQueue {
 public:
  explicit Threads(std::size_t most) : most_(most) {}

  // Says nothing in some versions of httplib, and in others whether it was taken.
  using Taken = decltype(std::declval<httplib::TaskQueue&>().enqueue(nullptr));
  Taken enqueue(std::function<void()> task) override;
  void shutdown() override;

 private:
  void work();

  const std::size_t most_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  std::size_t idle_ = 0;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace domed::console

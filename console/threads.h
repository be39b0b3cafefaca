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
// kept.  Above "most" a connection has the thread of one that "make_room" ends, whose end it waits
// for; where that can end none it is refused: its task, which alone knows it, runs at once, and is
// told so by refuses().
class Threads : public httplib::TaskQueue {
 public:
  Threads(std::size_t most, std::function<bool()> make_room)
      : most_(most), make_room_(std::move(make_room)) {}

  // For a task: whether it has no thread, and must end at once.
  static bool refuses();

  // Says nothing in some versions of httplib, and in others whether it was taken.
  using Taken = decltype(std::declval<httplib::TaskQueue&>().enqueue(nullptr));
  Taken enqueue(std::function<void()> task) override;
  void shutdown() override;

 private:
  bool make_thread();
  void work();

  std::size_t most_;
  const std::function<bool()> make_room_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> tasks_;
  std::size_t idle_ = 0;
  bool closed_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace domed::console

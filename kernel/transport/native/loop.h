#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <thread>
#include <vector>

namespace domed::native {

// Threads that wait for sockets and timers, and run what is to be done then.
class Loop {
 public:
  // Two threads where what they call may take as long as a commit: the other one serves meanwhile.
  explicit Loop(int threads);
  ~Loop() { join(); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  boost::asio::io_context& context() { return context_; }
  // Returns when nothing is waited for any more: whoever waits must have been closed.  Not to be
  // called by a thread of the loop's.
  void join();

  std::atomic<int> talking = 0;  // connections of which messages are being handed over

 private:
  boost::asio::io_context context_;
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> busy_;
  std::vector<std::thread> threads_;
};

}  // namespace domed::native

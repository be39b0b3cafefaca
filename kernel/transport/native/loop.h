#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>

namespace domed::native {

// A thread that waits for sockets and timers, and runs what is to be done then.
//
// What it runs may take as long as a commit, and that as long as a disk likes.  So there may be a
// second one, which serves in its place while one Stint lasts long, and takes of what is left
// waiting while several speak.  It looks for that now and then: two that wait for the same wake
// each other for each request, and who speaks alone pays for both.
class Loop {
 public:
  explicit Loop(bool is_relieved);
  ~Loop() { join(); }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  boost::asio::io_context& context() { return context_; }
  // Returns when nothing is waited for any more: whoever waits must have been closed.  Not to be
  // called by a thread of the loop's.
  void join();

  // What may take long, on a thread of the loop's, for "whom" spoke.
  class Stint {
   public:
    Stint(Loop& loop, const void* whom);
    ~Stint();
    Stint(const Stint&) = delete;
    Stint& operator=(const Stint&) = delete;

   private:
    Loop* loop_ = nullptr;  // null: of the second thread, which nobody looks at
  };

  std::atomic<int> talking = 0;  // connections of which messages are being handed over

 private:
  template <class Run>
  void guarded(Run run);
  void relieve();
  void stand_in(std::uint64_t stint);
  void take_some();
  bool is_in_stint(std::uint64_t stint) const;

  boost::asio::io_context context_;
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> busy_;
  const bool is_relieved_;
  std::atomic<std::uint64_t> stints_ = 0;  // begun and ended: odd while one lasts
  std::atomic<bool> is_watched_ = false;   // the second thread looks
  std::atomic<const void*> speaks_ = nullptr;
  std::atomic<bool> several_speak_ = false;  // since that was looked at
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread first_, second_;
};

}  // namespace domed::native

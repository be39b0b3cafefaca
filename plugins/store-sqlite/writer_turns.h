#pragma once

#include <condition_variable>
#include <mutex>

namespace domed {

// Whose turn it is at the connection that writes: a commit's, or that of one step of long
// work.  A commit waits for the step that is under way and no other; the next step waits until
// no commit does.
class WriterTurns {
 public:
  using Turn = std::unique_lock<std::mutex>;

  Turn for_commit() {
    {
      const std::lock_guard lock(waiting_mutex_);
      ++waiting_;
    }
    Turn turn(mutex_);
    const std::lock_guard lock(waiting_mutex_);
    if (--waiting_ == 0) nobody_waits_.notify_all();
    return turn;
  }
  Turn for_step() {
    std::unique_lock lock(waiting_mutex_);
    nobody_waits_.wait(lock, [this] { return waiting_ == 0; });
    lock.unlock();
    return Turn(mutex_);
  }

 private:
  std::mutex mutex_;
  std::mutex waiting_mutex_;  // never held while waiting for the other
  std::condition_variable nobody_waits_;
  int waiting_ = 0;
};

}  // namespace domed

#include "base/workers.h"

namespace domed {

Workers::Workers(std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

void Workers::run(Task task, Task dropped, Sender from) {
  {
    std::lock_guard lock(mutex_);
    if (!closed_) {
      tasks_.push(from, {std::move(task), std::move(dropped)});
      wake_.notify_one();
      return;
    }
  }
  if (dropped) dropped();
}

void Workers::close() {
  FairQueue<Queued> left;
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    std::swap(left, tasks_);
  }
  wake_.notify_all();
  // Without the lock, as tasks themselves are called: either may bring the next task.
  while (!left.empty())
    if (const Queued queued = left.pop(); queued.dropped) queued.dropped();
}

void Workers::stop(std::chrono::milliseconds grace) {
  {
    std::unique_lock lock(mutex_);
    empty_.wait_for(lock, grace, [this] { return tasks_.empty(); });
  }
  close();
  for (auto& thread : threads_)
    if (thread.joinable()) thread.join();
}

void Workers::work() {
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return closed_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      task = tasks_.pop().task;
      if (tasks_.empty()) empty_.notify_all();
    }
    task();
  }
}

}  // namespace domed

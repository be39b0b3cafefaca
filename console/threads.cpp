#include "console/threads.h"

#include <utility>

#include "base/unsignalled.h"

namespace domed::console {
namespace {

thread_local bool refusing = false;

}  // namespace

bool Threads::refuses() {
  return refusing;
}

Threads::Taken Threads::enqueue(std::function<void()> task) {
  std::unique_lock lock(mutex_);
  if (idle_ <= tasks_.size() && threads_.size() >= most_ && !make_room_()) {
    lock.unlock();
    refusing = true;
    task();
    refusing = false;
    return Taken(true);
  }
  tasks_.push_back(std::move(task));
  if (idle_ < tasks_.size() && threads_.size() < most_) {
    const Unsignalled unsignalled;
    threads_.emplace_back([this] { work(); });
  } else {
    wake_.notify_one();
  }
  return Taken(true);
}

void Threads::shutdown() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void Threads::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    wake_.wait(lock, [this] { return closed_ || !tasks_.empty(); });
    --idle_;
    if (tasks_.empty()) return;
    const auto task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace domed::console

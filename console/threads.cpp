#include "console/threads.h"

#include <system_error>
#include <utility>

#include "base/unsignalled.h"

namespace domed::console {
namespace {

thread_local bool refusing = false;

}  // namespace

bool Threads::refuses() {
  return refusing;
}

// The system may have no thread to give: then there are as many as there can be.
bool Threads::make_thread() try {
  if (threads_.size() >= most_) return false;
  const Unsignalled unsignalled;
  threads_.emplace_back([this] { work(); });
  return true;
} catch (const std::system_error&) {
  most_ = threads_.size();
  return false;
}

Threads::Taken Threads::enqueue(std::function<void()> task) {
  std::unique_lock lock(mutex_);
  if (idle_ > tasks_.size() || make_thread() || make_room_()) {
    tasks_.push_back(std::move(task));
    wake_.notify_one();
  } else {
    lock.unlock();
    refusing = true;
    task();
    refusing = false;
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

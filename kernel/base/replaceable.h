#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace domed {

// A value that is replaced as a whole while others read it: who has got it goes on with what it has
// got.  Thread-safe.
template <class T>
class Replaceable {
 public:
  explicit Replaceable(T value) : value_(std::make_shared<const T>(std::move(value))) {}

  std::shared_ptr<const T> now() const {
    const std::lock_guard lock(mutex_);
    return value_;
  }
  void become(T value) {
    auto next = std::make_shared<const T>(std::move(value));
    const std::lock_guard lock(mutex_);
    value_.swap(next);  // what it was is destroyed when the lock is free
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> value_;
};

}  // namespace domed

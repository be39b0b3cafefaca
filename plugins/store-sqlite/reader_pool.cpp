#include "reader_pool.h"

#include <utility>

namespace domed {

ReaderPool::Lease::Lease(ReaderPool& pool) : pool_(pool) {
  std::unique_lock lock(pool_.mutex_);
  pool_.freed_.wait(lock, [this] { return !pool_.idle_.empty(); });
  connection_ = std::move(pool_.idle_.back());
  pool_.idle_.pop_back();
}

// The place in "idle_" was there before the lease, so this cannot fail.
ReaderPool::Lease::~Lease() {
  {
    std::lock_guard lock(pool_.mutex_);
    pool_.idle_.push_back(std::move(connection_));
  }
  pool_.freed_.notify_one();
}

void ReaderPool::add(std::unique_ptr<sqlite::Connection> connection) {
  idle_.push_back(std::move(connection));
}

}  // namespace domed

#include "connections.h"

namespace domed::postgres {

std::unique_ptr<Connection> Connections::take(Deadline deadline, bool& is_new) {
  {
    std::unique_lock lock(mutex_);
    if (!returned_.wait_until(lock, deadline, [&] { return left_ > 0; }))
      throw Error(Code::io,
                  "store-postgres: all connections are busy with reads that wait for the "
                  "server");
    --left_;
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  is_new = true;
  try {
    return server_.connect(deadline);
  } catch (...) {
    give_back(nullptr);
    throw;
  }
}

void Connections::give_back(std::unique_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  ++left_;
  if (connection) idle_.push_back(std::move(connection));
  returned_.notify_one();
}

void Connections::forget() {
  std::vector<std::unique_ptr<Connection>> gone;  // closed without the lock
  const std::lock_guard lock(mutex_);
  gone.swap(idle_);
}

}  // namespace domed::postgres

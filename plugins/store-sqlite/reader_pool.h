#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "sqlite.h"

namespace domed {

// Connections that only read, lent to one thread each.  A read that finds none
// free waits for one; it never waits for a commit.
class ReaderPool {
 public:
  class Lease {
   public:
    explicit Lease(ReaderPool& pool);
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease();
    sqlite::Connection& operator*() { return *connection_; }
    sqlite::Connection* operator->() { return connection_.get(); }

   private:
    ReaderPool& pool_;
    std::unique_ptr<sqlite::Connection> connection_;
  };

  // Before the first lease only.
  void add(std::unique_ptr<sqlite::Connection> connection);

 private:
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<std::unique_ptr<sqlite::Connection>> idle_;
};

}  // namespace domed

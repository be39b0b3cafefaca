#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "server.h"

namespace domed::postgres {

// Announces commits to those who watch, on a thread and a connection of its own.  Not within the
// commit: NOTIFY makes all who announce wait for each other while they wait for a standby.  Here
// it is a transaction that waits for nothing, and one for all commits since the last.
class Announcer {
 public:
  explicit Announcer(Server& server);
  Announcer(const Announcer&) = delete;
  Announcer& operator=(const Announcer&) = delete;
  ~Announcer();

  // There was a commit.  Does not wait.
  void announce();

 private:
  void run();
  void try_announce() noexcept;

  Server& server_;
  std::mutex mutex_;
  std::condition_variable news_;
  bool asked_ = false, stop_ = false;
  std::unique_ptr<Connection> connection_;
  std::thread thread_;
};

}  // namespace domed::postgres

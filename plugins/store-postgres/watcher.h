#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "domed/watch.h"
#include "server.h"

namespace domed::postgres {

// The channel on which commits to this schema are announced.
std::string channel_of(const std::string& schema);

// Finds what was committed.  A cursor is a snapshot of the server's (which transactions were over,
// and which were not): what is behind it are the jobs whose last transaction that snapshot does not
// show.  However late a transaction becomes visible, it is told, and told once.  A notification
// only says that it is time to look; without one it looks every second.
class Watcher {
 public:
  explicit Watcher(Server& server);
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  ~Watcher();

  // As Watch.
  Changes wait(const std::string& cursor, std::chrono::milliseconds timeout);
  void interrupt();

 private:
  Changes look(const std::string& cursor);
  Changes scan(const std::string& snapshot, Deadline deadline);
  void connect(Deadline deadline);
  bool was_interrupted();
  std::string_view snapshot_in(std::string_view cursor) const;

  Server& server_;
  const int interrupts_;  // an eventfd
  std::unique_ptr<Connection> connection_;
};

}  // namespace domed::postgres

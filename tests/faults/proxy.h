#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "plan.h"

namespace domed::faults {

// Stands between clients and a daemon on ipc sockets, and does to each message
// what a plan says.  Works on nng's own framing, a byte 1, eight bytes of length
// and the message, so that it adds no retrying and no buffering of its own: a
// daemon that is away is away to its clients too.  Event URLs in replies are
// changed to lead here.
class Proxy {
 public:
  // "directory" gets the sockets that clients dial; "real" has the daemon's.
  Proxy(const std::string& directory, const std::string& real, Plan plan);
  ~Proxy();

  std::string control() const { return "ipc://" + directory_ + "/control.ipc"; }
  // Ends every connection there is now.
  void cut();
  // Of all messages, and of those that did not go on as they came.
  std::size_t messages() const { return messages_; }
  std::size_t touched() const { return touched_; }
  // Waits until there is such a one; false: not within "time".
  bool await_touched(std::chrono::milliseconds time);

 private:
  struct Connection;

  void accept_all(int listener, const std::string& name);
  void pump(Connection& connection, bool to_client);
  bool forward(Connection& connection, Way way, const Filter& filter, std::string message);
  std::string with_our_urls(std::string reply) const;

  const std::string directory_, real_;
  const Plan plan_;
  std::atomic<std::size_t> messages_{0}, touched_{0};
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<std::unique_ptr<Connection>> connections_;
  std::vector<int> listeners_;
  std::vector<std::thread> threads_;
};

}  // namespace domed::faults

#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "client/peer.h"
#include "transport/nng/socket.h"

namespace domed {

// Messages of an events socket that begin with one of a few topics.
//
// Dials in the background and redials for ever.  A receive is never cancelled
// (nng #1523): it runs on, and callers wait with a timer of their own.  What a
// slow caller leaves unread beyond a bound is lost, as frames may be.  Nothing is taken
// from whom we do not talk to (client/peer.h).
class Subscription {
 public:
  // Throws Error where "url" is no URL.
  Subscription(const std::string& url, const std::vector<std::string>& topics);
  ~Subscription();
  Subscription(const Subscription&) = delete;
  Subscription& operator=(const Subscription&) = delete;

  // Waits for the connection, for at most "time".
  void await_connection(std::chrono::milliseconds time);
  // The next message; nullopt at "until" or when told to stop.
  std::optional<Message> next(std::chrono::steady_clock::time_point until,
                              const std::stop_token& stop);

 private:
  static void received(void* self);
  static void found(nng_pipe pipe, nng_pipe_ev event, void* self);
  static void connected(nng_pipe pipe, nng_pipe_ev event, void* self);

  const std::string url_;
  const Peers peers_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Message> messages_;
  std::size_t bytes_ = 0;
  bool paused_ = false, connected_ = false;
  Socket socket_;
  nng_aio* aio_ = nullptr;
};

}  // namespace domed

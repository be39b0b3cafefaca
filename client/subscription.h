#pragma once

#include <deque>

#include "client/connection.h"

namespace domed {

// Messages of an events socket that begin with one of a few topics: each peer sends all there are.
//
// Connects in the background, and again for ever (client/connection.h).  Whoever waits for a
// message reads it from the socket itself; while nobody does a thread reads on, so that the
// publisher is not held up.  What is left unread beyond a bound is lost, the oldest first, as
// frames may be.  Nothing is taken from whom we do not talk to (client/peer.h).
class Subscription : public Connection {
 public:
  // Throws Error where "url" is no URL.
  Subscription(const std::string& url, std::vector<std::string> topics,
               Credentials credentials = Credentials::of_environment());
  ~Subscription() override;

  // Waits for the connection, for at most "time".
  void await_connection(std::chrono::milliseconds time);
  // The next message; nullopt at "until" (what has come is taken all the same) or when told to
  // stop.
  std::optional<std::string> next(Clock::time_point until, const std::stop_token& stop);

 protected:
  bool received(std::vector<std::string>& messages) override;

 private:
  bool is_ours(std::string_view message) const;

  const std::vector<std::string> topics_;
  std::deque<std::string> messages_;
  std::size_t bytes_ = 0;
};

}  // namespace domed

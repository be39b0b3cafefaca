#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "client/client.h"

namespace domed::console {

// One job's log as it grows, for all who look at it: one follower of the daemon, whose newest
// lines are kept for a while.  Who is behind these pages (Feed::Look::behind), so that nobody, how
// slow ever, holds up the others, and nothing is kept for anybody.  Thread-safe.
class Feed {
 public:
  // Follows from "since" on.
  Feed(Client& client, const std::string& job_id, std::uint64_t since);
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  // What there is to tell to somebody who has seen the log up to a cursor.
  struct Look {
    std::vector<std::string> lines;  // behind the cursor, without a gap
    std::uint64_t last = 0;          // the seq of the last of them
    std::string log_id;              // empty: not known yet
    bool behind = false;             // the next line is not kept here any more: page for it
    bool ended = false;              // after the lines there is nothing, ever
    bool closed = false;             // this program ends
    bool connected = true;           // the daemon is heard
    std::optional<ApiError> error;   // why nothing more comes
  };
  // Waits until there is something behind "cursor", or something else than "connected" to tell, or
  // until "until".
  Look look(std::uint64_t cursor, bool connected, std::chrono::steady_clock::time_point until);
  // Ends all waiting.
  void stop();

 private:
  void run(const std::stop_token& stop);
  void take(std::string_view line, std::uint64_t seq);
  bool has_news(std::uint64_t cursor, bool connected) const;

  Client& client_;
  const std::string job_id_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> lines_;  // of which the last is "last_"
  std::uint64_t last_;
  std::size_t bytes_ = 0;
  std::string log_id_;
  bool ended_ = false, connected_ = true, stopped_ = false;
  std::optional<ApiError> error_;
  std::jthread thread_;
};

}  // namespace domed::console

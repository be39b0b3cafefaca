#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "client/client.h"

namespace domed::console {

// Which jobs are new or have changed, for all who look at a list of them.
//
// Lists are the truth: the newest jobs and the unfinished ones are asked for every few seconds, and
// at once where a frame of the daemon's told of a job that is new, or in another state.  Progress
// comes by frames.  All this once, however many look.  Thread-safe.
class Board {
 public:
  explicit Board(Client& client);
  ~Board();
  Board(const Board&) = delete;
  Board& operator=(const Board&) = delete;

  struct Look {
    // Each {"jobs":[as ListJobs has them],"progress":{JOB_ID:{"value":..,"message":..}}}.
    std::vector<std::string> news;
    std::uint64_t last = 0;
    bool missed = false;  // some are not kept any more: list anew
    bool connected = true, closed = false;
  };
  // Where somebody begins who lists the jobs now: some news before, which may have come between.
  std::uint64_t beginning();
  // Waits for news behind number "cursor", for another "connected", or until "until".
  Look look(std::uint64_t cursor, bool connected, std::chrono::steady_clock::time_point until);
  // What is known of how far running jobs are.
  Json progress();
  // Ends all waiting.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;

  void run(const std::stop_token& stop);
  void listen(const std::string& url, const std::stop_token& stop);
  std::vector<std::jthread> listeners();
  void take_frame(const std::string& message);
  void ask(const std::stop_token& stop);
  std::vector<Json> list(const Json& filter, const std::stop_token& stop);
  void ask_progress(const Json& job, const std::stop_token& stop);
  void tell(Json jobs, Json progress);
  void set_connected(bool connected);
  void trouble(const std::string& text);

  Client& client_;
  std::mutex mutex_;
  std::condition_variable_any changed_, wanted_;
  std::deque<std::string> news_;  // of which the last has the number "newest_"
  std::uint64_t newest_ = 0;
  bool connected_ = true, stopped_ = false;
  bool hint_ = false;                          // something changed: ask
  std::map<std::string, std::string> states_;  // as frames have told them
  Json progress_ = Json::object(), fresh_ = Json::object();
  // Of the thread that asks alone.
  std::map<std::string, std::size_t> seen_;  // what was listed last, as a hash
  std::set<std::string> unfinished_;
  std::string trouble_;
  std::vector<std::jthread> threads_;
};

}  // namespace domed::console

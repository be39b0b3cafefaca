#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "transport/nng/socket.h"

namespace domed {

// Enough of a daemon for one runner: AppendJobEvents and StreamJobEvents of one
// job, with the contract's checks, and faults on demand.
class FakeDaemon {
 public:
  explicit FakeDaemon(std::string url);
  ~FakeDaemon();

  void stop();   // as if killed; the log stays
  void start();  // again, with the same log

  // Handles the next "count" appends, but breaks the connection instead of replying.
  void lose_replies(int count);
  // Answers every request with this error; "" again none.
  void refuse(const std::string& error);
  // Commits cancel_requested; the replies to appends keep it to themselves
  // where "in_replies" is false.
  void cancel(bool in_replies = true);
  // Commits paused or resumed.
  void pause(bool paused);
  // From now on answers say for how long the run may go on; a poll that is held is answered.
  void stop_in(std::chrono::milliseconds time);
  // The same, and the next poll is the last that is answered.
  void stop_in_without_another_word(std::chrono::milliseconds time);
  // Another node on the same store, which polls name, and stop() leaves alone; where "refusal" is
  // not empty it answers that.
  void also_at(const std::string& url, const std::string& refusal = "");
  // Requests that the node at "url" was sent.
  int asked_at(const std::string& url) const;
  // The log gets another name; its newest event is gone where "loses".
  // "late": polls are told when something more has come, and not of that.
  void rename(bool loses, bool late = false);
  // Ends the log, as somebody who has the runner's token could.
  void seal();
  // Takes no append before allow().
  void hold();
  void allow();

  // Waits for an event whose payload or type contains "text".
  void wait_for(const std::string& text);
  void wait_for_terminal();
  void wait_for_poll();  // that is held, and those that were told late are answered

  std::vector<Json> events() const;
  std::vector<Json> events_of(const std::string& type) const;
  // The decoded bytes of a stream.
  std::string output(const std::string& stream) const;
  int replays() const;
  // The longest batch seen, in events.
  std::size_t longest_batch() const;

 private:
  struct Door {
    std::string url, refusal;
    bool stopping = false;
    int asked = 0;
    std::unique_ptr<Socket> socket;
    std::vector<nng_ctx> contexts;
    std::vector<std::thread> threads;
  };
  void open(Door& door);
  void close(Door& door);
  void serve(Door& door, nng_ctx context);
  Json answer(Door& door, std::string_view text, bool& lose);
  Json append(const Door& door, const Json& params, const std::string& digest,
              std::unique_lock<std::mutex>& lock, bool& lose);
  Json page(const Door& door, const Json& params, std::unique_lock<std::mutex>& lock);
  void commit(const std::string& type, const Json& payload);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Json> events_;
  std::map<std::uint64_t, std::string> batches_;  // number, digest of the request
  std::string refusal_, log_id_ = "l";
  bool tells_late_ = false;
  int polls_ = 0;
  bool cancel_requested_ = false, paused_ = false, held_ = false, sealed_ = false;
  bool last_word_ = false, mute_ = false;
  std::optional<std::chrono::milliseconds> stop_in_;
  int lose_ = 0, replays_ = 0;
  std::size_t longest_batch_ = 0;
  std::vector<std::unique_ptr<Door>> doors_;  // the first is the node's own
};

}  // namespace domed

#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "client/client.h"
#include "client/producer.h"
#include "runner/spec.h"
#include "runner/spool.h"
#include "system/boot_clock.h"

namespace domed {

// The runner's side of the daemon: sends what is in the spool, in order, and
// listens for a cancellation, for pauses and for the end of the log, also while the job is silent.
//
// Where others act on the store too and the run's own node does not answer, it goes to one of the
// others, which that node named while it did, with all that is not acknowledged; and comes back as
// soon as its own one answers a poll.  What they say of the run counts as much; that they do not
// let us in is no word on it.
class Link {
 public:
  // "spool" outlives this, and so does "wake", which is called from other
  // threads whenever one of the answers below may have changed.
  Link(const Spec& spec, Spool& spool, std::function<void()> wake);
  ~Link();

  // Sends what is new in the spool; never blocks.  To be called again after
  // each wake.  From one thread.
  void send();
  // Listens for a cancellation from now on.  `running` is acknowledged: before that the run is its
  // own node's alone.
  void watch();

  bool cancel_requested() const { return cancel_requested_; }
  // The command is to stand still.
  bool paused() const { return paused_; }
  // The log has its last event, by whomever: nobody hears of the command any more.
  bool sealed() const { return sealed_; }
  // When the command is to be ended, for want of another answer.
  BootClock::time_point stop_at() const;
  // An error that no retry can help: the daemon takes nothing more.
  std::optional<ApiError> refusal() const;
  // For how long the daemon has not answered.
  std::chrono::milliseconds silence() const;

 private:
  ProducerOptions producer_options(const std::string& endpoint, const Credentials& credentials);
  void acknowledged(const Ack& ack);
  void refused(const ApiError& error);
  void heard();

  void watch_loop(const std::stop_token& stop);
  void poll_once(const std::stop_token& stop);
  void poll(Client& client, CallOptions options, std::chrono::milliseconds wait,
            const std::stop_token& stop);
  std::chrono::milliseconds patience() const;
  bool go_out(const ApiError& error);
  void come_home(const std::stop_token& stop);
  void stay_home();
  void send_to(const std::string& endpoint, const Credentials& credentials);
  void poll_failed(const ApiError& error, const std::stop_token& stop);
  void follow_new_log(const ApiError& error);
  void wait_for_quiet(const std::stop_token& stop);
  Json poll_params(std::chrono::milliseconds wait);
  void canceled();
  void told_to_pause(std::uint64_t seq, bool paused);
  void told_to_stop(BootClock::time_point asked, std::optional<std::chrono::milliseconds> in);

  const Spec& spec_;
  const std::string token_member_;  // at the beginning of each batch as it is sent
  Spool& spool_;
  const std::function<void()> wake_;

  std::atomic<bool> cancel_requested_{false}, sealed_{false}, paused_{false};
  std::atomic<bool> out_{false};         // at another node
  std::atomic<bool> not_let_in_{false};  // there
  std::atomic<std::int64_t> heard_at_;   // ms of the steady clock

  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::string log_id_;             // the watcher's own
  std::uint64_t head_ = 0;         // the newest seq known
  std::uint64_t asked_since_ = 0;  // behind which the latest poll asked
  std::uint64_t answers_ = 0;      // counts acknowledgements
  std::uint64_t pause_seq_ = 0;    // as of which "paused_" is
  std::optional<ApiError> refusal_;
  // As the answer to the request said that was sent last.
  BootClock::time_point asked_{}, stop_at_ = BootClock::time_point::max();

  // The watcher's own.
  std::vector<std::string> others_;                  // where other nodes are
  std::optional<BootClock::time_point> away_since_;  // the own node
  Client home_;
  std::optional<Client> other_;

  std::mutex sending_;  // of the next two
  std::optional<Spool::Record> unsent_;
  std::unique_ptr<Producer> producer_;
  // The last two first to go: their threads use the rest.
  std::jthread watcher_;
};

}  // namespace domed

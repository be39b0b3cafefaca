#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "log/environment.h"
#include "log/journal.h"

namespace domed {

// The shard whose event socket carries a job's frames.
std::size_t shard_of(const std::string& job_id, std::size_t shards);

// Turns commits into frames, and keeps live jobs' followers sure of the head
// with heartbeats: 0.25, 0.5 and 1 s after a commit, then doubling to 10 s while
// the job lives.  A frame is
//   job/<job_id> LF {"log_id":…,"first":…,"head":…,"state":…,"epoch":…} LF lines
// and "daemon" LF {"epoch":…,"time":…} goes to every socket each second.
//
// Sending costs time for each subscriber, so it has a thread of its own, off the
// commit path, but for a small commit that a few hear.  Its queue is bounded: when subscribers
// cannot be served fast enough frames are dropped, which the protocol allows at any time.
class Publisher {
 public:
  // "send" gives one message to the socket of a shard; called on the publisher's thread.
  using Send = std::function<void(std::size_t shard, std::string message)>;
  // How many subscribers a shard has.  Without one, lines are not worth a frame: who
  // subscribes later asks for a page first.
  using Subscribers = std::function<std::size_t(std::size_t shard)>;

  Publisher(std::string epoch, std::size_t shards, Environment& environment, Send send,
            Subscribers subscribers);
  ~Publisher() { stop(); }

  // Never blocks.  To be called for one commit after the other.
  void add(Commit commit);
  // Begins the heartbeats of a job that lives already.
  void watch(const Commit& head) { add(head); }
  // Sends what is queued, for a second at most.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  struct Beat {
    Commit head;  // without lines
    Clock::time_point due;
    std::chrono::milliseconds wait;
  };

  struct Queued {
    Commit commit;
    Clock::time_point time;  // when it was committed
  };

  void work();
  void publish(const Queued& queued);
  void send_lines(const Commit& commit);
  void send_frame(const Commit& commit, std::uint64_t first, std::uint64_t head,
                  std::string_view lines);
  void send_heartbeats(Clock::time_point now);
  void schedule(const std::string& job_id, Beat beat);
  void send_daemon();
  void keep_time();
  bool given_up();
  bool is_idle();
  bool send_now(const Commit& commit);

  const std::string epoch_;
  const std::size_t shards_;
  Environment& environment_;
  const Send send_;
  const Subscribers subscribers_;

  // Guards what follows, down to "give_up_". Not held while a frame is sent: add() takes it, and
  // add() is part of a commit.
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Queued> queue_;
  std::size_t queued_bytes_ = 0;
  bool stopping_ = false;
  bool publishing_ = false;                                // the thread sends
  Clock::time_point wakes_at_ = Clock::time_point::min();  // the thread; min: it is awake
  Clock::time_point give_up_ = Clock::time_point::max();

  // The publisher thread's own: one beat for each job, ordered by when it is due.
  Clock::time_point next_pulse_ = Clock::now();
  std::unordered_map<std::string, Beat> beats_;
  std::multimap<Clock::time_point, std::string> due_;

  std::thread thread_;
};

}  // namespace domed

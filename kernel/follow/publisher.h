#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <queue>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

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
// A small commit that a few hear leaves at once, on the committing thread.  Whatever else there is
// to send waits by its job for a thread of the publisher's own.  What has come of a job by the time
// its turn is there leaves as one frame, up to limits::kFrameBytes: while the thread is busy, or
// the subscribers of the shard have not taken what they were given, frames get fewer and bigger.
// Jobs take turns, each with one frame.  A job's lines are sent in their order.
//
// What waits is bounded: when subscribers cannot be served fast enough lines are dropped, which the
// protocol allows at any time.  The head is never dropped, so that heartbeats tell what was missed.
class Publisher {
 public:
  using Frame = std::shared_ptr<const std::string>;
  // "send" gives one frame to the socket of a shard.  Called on the publisher's thread and on those
  // that commit, perhaps on two at a time, but the lines of a job one after the other.  Must not
  // block.
  using Send = std::function<void(std::size_t shard, Frame frame)>;
  // How many subscribers a shard has.  Without one, lines are not worth a frame: who
  // subscribes later asks for a page first.
  using Subscribers = std::function<std::size_t(std::size_t shard)>;
  // Whether a frame would stand behind others at some subscriber of the shard.  Then lines wait
  // for more of their job, until it is over, for a millisecond at most: a subscriber that has
  // stopped reading must not hold up the others.
  using Saturated = std::function<bool(std::size_t shard)>;

  Publisher(
      std::string epoch, std::size_t shards, Environment& environment, Send send,
      Subscribers subscribers, Saturated saturated = [](std::size_t) { return false; });
  ~Publisher() { stop(); }

  // "delivered" hears how long the oldest of a frame's lines waited, from the commit until the
  // frame was given to its socket.  To be called before all others; must not block.
  using Delivered = std::function<void(std::chrono::nanoseconds)>;
  void on_delivered(Delivered delivered) { delivered_ = std::move(delivered); }

  // Never blocks.  To be called for one commit after the other.
  void add(const Commit& commit);
  // Begins the heartbeats of a job that lives already.
  void watch(const Commit& head) { add(head); }
  // What somebody else has committed: a heartbeat, at once, for its lines are not here.
  void tell(const Commit& head);
  // What that did not tell of: a heartbeat for every job that has them still.
  void beat_again();
  // Sends what waits, for a second at most.
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  using Lock = std::unique_lock<std::mutex>;

  // What the frames of a log have in common; it never changes, so that they are made of it without
  // the mutex.
  struct Name {
    std::size_t shard;
    std::string log_id, begin;  // a frame up to the value of "first"
  };
  using NamePtr = std::shared_ptr<const Name>;
  // Lines of one commit: all, or what is left to be sent.
  struct Piece {
    NamePtr name;
    std::shared_ptr<const std::string> owner;  // of "lines"
    std::string_view lines;
    std::uint64_t first = 0, head = 0;
    State state = State::queued;
    Clock::time_point since{};  // when it was committed
  };
  // Pieces that leave as one frame.
  struct Taken {
    std::vector<Piece> pieces;
    std::size_t bytes = 0;
  };
  struct Job {
    const std::string* id = nullptr;  // its key in jobs_
    NamePtr name;
    std::uint64_t head = 0;
    State state = State::queued;
    std::deque<Piece> unsent;
    Clock::time_point since;  // the first of them was committed

    bool beats = false;  // else none is due any more
    Clock::time_point due;
    std::chrono::milliseconds wait{0};
    Clock::time_point timer = Clock::time_point::max();  // of those in timers_ the one that counts
    int timers = 0;                                      // how many there are
  };
  using Timer = std::pair<Clock::time_point, Job*>;

  Job& job_of(const Commit& commit);
  void enqueue(Job& job, Piece piece, Clock::time_point now);
  void work();
  bool is_heard() const;
  void sleep(std::unique_lock<std::mutex>& lock);
  bool send_a_frame(std::unique_lock<std::mutex>& lock);
  Taken take(Job& job);
  void keep_time(std::unique_lock<std::mutex>& lock);
  void expect_beat(Job& job, Clock::time_point due);
  bool is_beat_due(Job& job, Clock::time_point now);
  void set_timer(Job& job);
  bool send(const Taken& taken) noexcept;
  void send_daemon() noexcept;

  const std::size_t shards_;
  Environment& environment_;
  const Send send_;
  const Subscribers subscribers_;
  const Saturated saturated_;
  Delivered delivered_ = [](std::chrono::nanoseconds) {};
  const std::string epoch_;

  // Guards what follows. Not held while a frame is made or sent: add() takes it, and add() is part
  // of a commit.
  std::mutex mutex_;
  std::condition_variable wake_;
  std::unordered_map<std::string, Job> jobs_;
  std::vector<std::deque<Job*>> waiting_;  // by shard: the jobs that have something unsent
  std::size_t next_shard_ = 0, waiting_bytes_ = 0;
  bool stopping_ = false;
  bool sending_ = false;                                   // the thread sends lines
  Clock::time_point wakes_at_ = Clock::time_point::min();  // the thread; min: it is awake
  Clock::time_point give_up_ = Clock::time_point::max();
  Clock::time_point next_pulse_ = Clock::now();
  // A commit moves its job's heartbeat, and leaves the timer where it is: that asks the job again
  // when its time has come.  So a job that changes often costs a timer in 250 ms, not one for each
  // commit; and only one that comes too late gets another, earlier one beside it.
  std::priority_queue<Timer, std::vector<Timer>, std::greater<>> timers_;

  std::thread thread_;
};

}  // namespace domed

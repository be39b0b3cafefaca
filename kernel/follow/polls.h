#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

namespace domed {

// How many polls are held: of all; and where half of "most" are, of one connection and of one
// identity, by however many connections it comes, so that neither can take them all.
struct PollLimits {
  std::size_t most, of_connection, of_identity;
};

// Held long polls.  Each is let go exactly once: when its job's log grows, when
// its time is up, when its client leaves or may not ask any more, or when the daemon stops.
//
// Thread-safe.
class Polls {
 public:
  // Called when the poll is let go, on a thread that must not be held up.
  using Release = std::function<void()>;
  struct Poll {
    std::string job_id;
    std::uint32_t pipe;
    std::string who;
    std::chrono::milliseconds wait;
    Release release;
    std::function<bool()> may_stay = [] { return true; };  // asked by look_again()
  };

  // What hold() answers from the beginning of stop() on.
  static constexpr const char* kStopping = "the daemon is stopping";

  explicit Polls(PollLimits limits);
  ~Polls() { stop(); }

  // Null, or why it is not held, and "release" dropped: as many are as may be, of all, of its
  // connection or of whose it is; or the daemon stops.  "over" is asked once the poll is listed:
  // true lets it go at once, so that a commit between the caller's reading and this call is not
  // missed.
  const char* hold(Poll poll, const std::function<bool()>& over);

  std::size_t held();
  void wake(const std::string& job_id);
  void wake_all();
  void client_left(std::uint32_t pipe);
  // Lets go those that may not stay.
  void look_again();
  void stop();

 private:
  using Clock = std::chrono::steady_clock;
  template <class Key>
  using Index = std::multimap<Key, std::uint64_t>;
  struct Held {
    Poll poll;
    // Where it stands in each: one connection may hold as many as there are.
    Index<std::string>::iterator by_job;
    Index<std::uint32_t>::iterator by_pipe;
    Index<std::string>::iterator by_who;
    Index<Clock::time_point>::iterator by_deadline;
  };

  const char* objection_to(const Poll& poll) const;  // with the mutex held
  void work();
  Release take(std::uint64_t number);  // with the mutex held; empty: gone already

  const PollLimits limits_;
  // Guards what follows. Never held while a release, "may_stay" or "over" is called: they
  // take locks of others.
  std::mutex mutex_;
  std::condition_variable timer_;
  bool stopping_ = false;
  std::uint64_t last_ = 0;
  Clock::time_point wakes_at_ = Clock::time_point::min();  // the thread; min: it is awake
  // Polls by their number, which is given once. The four below it only say where to look, by what
  // lets a poll go or bounds it; take() removes it from all five in one step, so that of two who
  // come at once one finds nothing.
  std::unordered_map<std::uint64_t, Held> held_;
  Index<std::string> by_job_;
  Index<std::uint32_t> by_pipe_;
  Index<std::string> by_who_;
  Index<Clock::time_point> by_deadline_;
  std::thread thread_;
};

}  // namespace domed

#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>

#include "domed/store.h"
#include "domed/watch.h"
#include "log/commit.h"
#include "log/environment.h"

namespace domed {

// What others commit to the store, as its watch tells it: for latency alone, as frames are.  A
// notice that is lost costs time, never truth.
//
// Own commits are passed over, as far as they are known in time: one that is told all the same is
// as another's.
class Elsewhere {
 public:
  // All are called by one thread, which may ask the store.
  struct Hears {
    // A job as the store has it by now, without lines.
    std::function<void(const JobRecord& record, const Commit& commit)> changed;
    // A job that runs elsewhere has grown: what was told of it last, with its new head.  It is told
    // anew, as the store has it, within two seconds: a job that writes fifty times a second is not
    // read as often by every node.  Without this each change is told as the store has it.
    std::function<void(const Commit& commit)> grew;
    std::string node;  // whose own runs are told as the store has them, at each change
    // Any job may have changed.  Of those that are not over each is told behind this.
    std::function<void()> gap;
    // A record of the kernel's own did.
    std::function<void(const std::string& job_id)> own_record = [](const auto&) {};
    // After each try: why the watch failed, or nothing where it did not.
    std::function<void(const std::optional<Error>& failure)> tried = [](const auto&) {};
  };
  using Clock = std::chrono::steady_clock;
  // All must outlive this, and so must what "hears" uses.
  Elsewhere(Watch& watch, const Store& store, Environment& environment, Hears hears,
            std::function<Clock::time_point()> now = &Clock::now);
  ~Elsewhere() { stop(); }

  // What this daemon's journal has committed.  Thread-safe.
  void own(const Commit& commit);
  // From now on; what was committed before is to be looked at by whoever starts this.
  void start();
  void stop() noexcept;

  // How late what is committed is told, by the newest notice that brought events: when it came, and
  // how old it was.  Of an own commit by our clock, of another's by the time in its newest event,
  // so also by how well the two clocks agree.
  struct Notice {
    std::int64_t came = 0;  // microseconds since 1970
    std::chrono::microseconds age{0};
  };
  std::optional<Notice> newest() const;
  // For how long the store has not let us hear anything; nullopt: it answers.
  std::optional<std::chrono::milliseconds> deaf() const;

 private:
  void work(const std::stop_token& stop);
  void tell(const Changes& changes);
  void tell(const Change& change);
  bool tells_growth(const Change& change);
  void tell_what_is_due();
  // A notice: up to which event it told, and when.
  struct Heard {
    std::uint64_t head_seq = 0;
    std::int64_t came = 0;
  };
  void tell(const JobRecord& record, std::optional<Heard> heard);
  void tell_all();
  bool is_own(const Change& change);
  bool has_grown(const std::string& job_id, std::uint64_t head);
  void measured(std::int64_t came, std::chrono::microseconds age);
  void answered(bool well);

  Watch& watch_;
  const Store& store_;
  Environment& environment_;
  const Hears hears_;
  const std::function<Clock::time_point()> now_;
  // The thread's own: what was told last of each of some jobs, for a notice need not bring events.
  std::string cursor_;
  std::map<std::string, std::uint64_t> heads_;
  struct Told {
    Commit commit;
    Clock::time_point looked;
    std::int64_t came = 0;  // the last notice that it grew
    bool is_due = false;
  };
  std::map<std::string, Told> told_;                           // of what runs elsewhere
  std::deque<std::pair<Clock::time_point, std::string>> due_;  // when the store is asked again

  mutable std::mutex mutex_;
  std::map<std::string, Clock::time_point> own_;  // revisions, the newest, and since when
  std::deque<std::string> in_order_;              // the same
  std::optional<Notice> newest_;
  std::optional<Clock::time_point> answered_;  // nullopt: it is not asked yet
  bool fails_ = false;
  std::jthread thread_;
};

}  // namespace domed

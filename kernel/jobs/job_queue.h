#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "system/boot_clock.h"

namespace domed {

// The jobs that wait to run, and which of them is next: the highest priority
// first, then first in, first out; not one that is held, whose time has not come,
// that needs a job which has not succeeded yet, or whose queue runs as many as it
// may.
//
// Plain data, not thread-safe.
class JobQueue {
 public:
  struct Job {
    std::string id, queue;
    int priority = 0;
    bool held = false;
    std::set<std::string> needs;  // ids of jobs
    // When it may start.  A time of day that somebody chose: microseconds since 1970, and the wall
    // clock decides.  Or what is left of a backoff, which nobody who sets that clock makes longer
    // or shorter: it is counted from put() on.
    std::int64_t not_before = INT64_MIN;
    std::optional<std::chrono::microseconds> backoff = {};
    std::int64_t created = 0;  // microseconds since 1970
  };
  // What waits of one queue.
  struct Depth {
    std::size_t jobs = 0;
    std::int64_t oldest = INT64_MAX;  // "created" of those that wait for nothing but their turn
  };

  // "limits": how many jobs of a queue may run at once; others have no limit.
  explicit JobQueue(std::map<std::string, std::size_t> limits) : limits_(std::move(limits)) {}

  // From now on these hold.
  void limit(std::map<std::string, std::size_t> limits) { limits_ = std::move(limits); }

  // False: it is there already; only whether it is held is taken over.
  bool put(Job job, BootClock::time_point now);
  // It is over; wherever it is.
  void remove(const std::string& id);
  std::vector<std::string> ids() const;
  bool empty() const { return jobs_.empty(); }
  std::size_t size() const { return jobs_.size(); }
  // Null where it does not wait here.
  const Job* find(const std::string& id) const;
  // Of each queue in which a job waits.
  std::map<std::string, Depth> depths(std::int64_t wall, BootClock::time_point now) const;
  // What is left of the job's backoff; nullopt where it has none, or does not wait here.
  std::optional<std::chrono::microseconds> backoff_left(const std::string& id,
                                                        BootClock::time_point now) const;
  // How many jobs that wait for nothing but their turn come before the job; 0 where it does not wait
  // here.  Looks at each of them.
  std::size_t ahead_of(const std::string& id, std::int64_t wall, BootClock::time_point now) const;
  // How many jobs of "queue" may run at once; nullopt: it has no limit.
  std::optional<std::size_t> limit_of(const std::string& queue) const;

  // The job "id" is over.  Returns the jobs that needed it to succeed and now
  // never run; they are removed.
  std::vector<std::string> ended(const std::string& id, bool succeeded);

  // What needs "id" needs "by" from now on: the job that tries it again.
  void replace(const std::string& id, const std::string& by);

  // Takes the next job out; "running" counts what runs of each queue, and "has_slot" says of a job
  // that it is counted there.  "wall" is microseconds since 1970.
  std::optional<Job> take(const std::map<std::string, std::size_t>& running,
                          std::int64_t wall = INT64_MAX,
                          BootClock::time_point now = BootClock::time_point::max(),
                          const std::function<bool(const Job&)>& has_slot = {});
  // How long until the time of a job comes that has to wait for it, if nobody sets the wall clock;
  // microseconds::max(): for ever.
  std::chrono::microseconds wait(std::int64_t wall, BootClock::time_point now) const;

 private:
  using Place = std::pair<int, std::uint64_t>;  // the first one is the next one
  // Whether it waits for nothing but its turn.
  bool is_due(const Job& job, std::int64_t wall, BootClock::time_point now) const;
  bool has_room(const std::string& queue, const std::map<std::string, std::size_t>& running) const;
  std::chrono::microseconds left(const Job& job, std::int64_t wall,
                                 BootClock::time_point now) const;

  std::map<std::string, std::size_t> limits_;
  std::uint64_t arrivals_ = 0;
  std::map<Place, Job> jobs_;
  std::map<std::string, Place> places_;
  // Those of jobs that were taken, until remove(): one that comes back is where it was.
  std::map<std::string, Place> left_;
  // When they are over.  Of jobs that were taken too, until remove(): one that comes back because
  // it was held while it was being started waits no second time.
  std::map<std::string, BootClock::time_point> backoffs_;
  std::multimap<std::string, std::string> needed_by_;
};

}  // namespace domed

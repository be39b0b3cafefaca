#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

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
    // Any job may have changed.  Of those that are not over each is told behind this.
    std::function<void()> gap;
    // After each try: why the watch failed, or nothing where it did not.
    std::function<void(const std::optional<Error>& failure)> tried = [](const auto&) {};
  };
  // All must outlive this, and so must what "hears" uses.
  Elsewhere(Watch& watch, const Store& store, Environment& environment, Hears hears);
  ~Elsewhere() { stop(); }

  // What this daemon's journal has committed.  Thread-safe.
  void own(const Commit& commit);
  // From now on; what was committed before is to be looked at by whoever starts this.
  void start();
  void stop() noexcept;

 private:
  void work(const std::stop_token& stop);
  void tell(const Changes& changes);
  void tell(const Change& change);
  void tell(const JobRecord& record);
  void tell_all();
  bool is_own(const std::string& revision);

  Watch& watch_;
  const Store& store_;
  Environment& environment_;
  const Hears hears_;
  std::string cursor_;

  std::mutex mutex_;
  std::set<std::string> own_;         // revisions, the newest of them
  std::deque<std::string> in_order_;  // the same
  std::jthread thread_;
};

}  // namespace domed

#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "domed/leases.h"
#include "nodes/heartbeat.h"
#include "system/boot_clock.h"

namespace domed {

// The lease by which one daemon at a time acts on a place that several can open.
//
// What a daemon knows of its jobs it keeps in memory, and takes every job of the store for its own:
// a second one would end the first one's commands, merely by starting.  Until that is otherwise
// the second one is refused, with the name of the first, and takes the place when the lease of the
// first is over.
//
// Time is counted by the engine, and here by the BootClock from when a renewal was *sent*: here it
// is over first.  From then on may_commit() is false and no commit of ours is begun, however long
// this machine slept; one that was begun before and comes late meets the store's compare and set.
// An outage of the store that is longer than the lease costs nothing where nobody took the place
// meanwhile.
//
// Thread-safe, but for take().  "leases" must outlive it.
class PlaceLease {
 public:
  using Clock = BootClock;

  struct Self {
    std::string node;   // the id of the node, which lies in its state_dir
    std::string epoch;  // of this life of the daemon
    std::string place;  // names machine and state_dir (place_of): nobody else has it locked
    std::string name;   // of the machine, for people
  };
  struct Settings {
    std::chrono::milliseconds ttl{15'000};
    std::function<Clock::time_point()> now = &Clock::now;
  };

  PlaceLease(Leases& leases, Self self, Settings settings)
      : leases_(leases), self_(std::move(self)), settings_(std::move(settings)) {}
  ~PlaceLease() { give_back(); }

  // Throws Error(conflict) that names who has the place, also where other nodes act on the store
  // together (NodeLease), even silent ones: what they run would be taken for ours.  An earlier life
  // of this daemon, which its lock on the state_dir shows to be gone, is no obstacle.
  void take();
  // Renews every third of the time on a thread of its own.  "lost": another daemon has, or had,
  // the place; called once.
  void keep(std::function<void()> lost);
  // Nothing is renewed any more, and the place is free at once.
  void give_back() noexcept;

  // Whether the lease lasts.
  bool may_commit() const { return settings_.now().time_since_epoch().count() < until_; }

  // One renewal; false: the place is another's.  Throws Error where the store does not answer.
  bool renew();

 private:
  std::string text() const;
  void took(Clock::time_point sent);
  bool is_ours_still() const;
  std::string one_of_several() const;
  void must_be_alone();

  Leases& leases_;
  const Self self_;
  const Settings settings_;
  bool taken_ = false;
  std::atomic<Clock::rep> until_{0};
  Heartbeat heartbeat_;
};

// What this machine calls itself; "a machine without a name".
std::string host_name();

// Throws Error(conflict) where a daemon that wants the store for itself has it: one without
// `cluster` in its deployment.
void must_be_shared(const Leases& leases);

// Names this machine and the directory, wherever it is mounted.
std::string place_of(const std::filesystem::path& state_dir);

}  // namespace domed

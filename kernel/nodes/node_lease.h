#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "domed/leases.h"
#include "nodes/cluster_times.h"
#include "nodes/duties.h"
#include "nodes/heartbeat.h"
#include "nodes/node_words.h"
#include "nodes/observer.h"
#include "nodes/queue_slots.h"
#include "nodes/wishes.h"
#include "system/boot_clock.h"

namespace domed {

// A node's own lease, `node/ID`, by which it acts, and what it sees of the others' through the same
// facet: with each renewal it looks at them all.
//
// The lease is taken at once from an earlier life of this daemon, whose state_dir we have locked.
// Whoever else bears our name may have runs that live: it is waited for until it is dead, although
// the engine would give us the lease when its time is over.
//
// Thread-safe.  "leases" must outlive it.
class NodeLease {
 public:
  using Clock = Observer::Clock;
  using Span = ClusterTimes::Span;

  struct Settings {
    ClusterTimes times;
    std::function<Clock::time_point()> now = &Clock::now;
  };

  // "words": what the node says of itself; asked before each renewal, and of one id always.
  NodeLease(Leases& leases, std::string epoch, std::function<NodeWords()> words, Settings settings);
  ~NodeLease() { stop(); }

  // Whose the lease was; nullopt: nobody's.  Namesake::another: it still is, and take() is to be
  // called again within a ttl, until it is not: waiting for it is what makes it dead.
  //
  // Throws Error(conflict) where this node cannot be beside one that lives: their clocks differ by
  // more than kMaxSkew, or there is no format that all read; it says with whom, and what to do.
  std::optional<Namesake> take();
  // Renews and looks, every third of the ttl on a thread of its own.  "lost": as beat() says;
  // called once.  "looked": after each other look.
  void keep(
      std::function<void()> lost, std::function<void()> looked = [] {});
  // Nothing is renewed any more.  The lease is left to its time: runs go on without us, and
  // a lease that is given back would say nothing else.
  void stop() noexcept { heartbeat_.stop(); }

  // One renewal and one look; false: another one has our name, or our lease was over and those
  // who live hold to other times by now.  Throws Error where the store does not answer.
  bool beat();

  Standing standing() const;
  // What a run that we watch is told in each answer (ClusterTimes::stop_in), with the time for
  // which the others are known to wait longer; tell() where it has just asked us.
  std::optional<Span> stop_in() const;
  std::optional<Span> tell(const std::string& job_id);
  // For how long they do: what the lease's text says.
  Span back_in() const;
  bool is_dead(const std::string& node) const;
  // People told that its machine is off: nothing that it ran is left.
  bool is_forgotten(const std::string& node) const;

  // What people want of a node, this one or another; it hears of it within a third of the ttl.
  // Throw Error where the store does not answer.
  void wish(const std::string& node, const Wish& wish);
  void take_wish_back(const std::string& node);
  bool is_draining() const;
  // Calls the lease of a node a dead one, for all and at once; its own text says so.  False: it
  // lives, or is ours.  And lets go of one that was forgotten, of which nothing is left to be done.
  bool forget(const NodeWords& node);
  void let_go(const std::string& node);
  const ClusterTimes& times() const { return settings_.times; }
  Clock::time_point now() const { return settings_.now(); }

  // Whether this node has the duty "name" now (nodes/duties.h); asks for it, and from now on keeps
  // it as long as it is there, or wishes for it.  Throws Error where the store does not answer.
  bool has_duty(const std::string& name);

  // Those of queues, which this node takes by its epoch; and whether the lease of an epoch that
  // took one was over when we last looked.
  QueueSlots& slots() { return slots_; }
  bool is_over(const std::string& node, const std::string& epoch) const;

  // Of a run of another node, or one that it watches (Observer).
  void saw_run(const std::string& job_id, const std::string& watcher, const std::string& revision);
  void forget_run(const std::string& job_id);
  bool is_lost(const std::string& job_id) const;

  // A node as the last look showed it.
  struct Seen {
    NodeWords words;
    std::string epoch;
    Span unrenewed{0};  // as the engine counts
    Span unchanged{0};  // as we do
    bool is_dead = false;
    std::chrono::microseconds skew{0};  // how far our clock was ahead of its
    Wish wish;
  };
  std::vector<Seen> nodes() const;
  // Where a run of ours finds the others that live: over a network, or on the same machine.
  std::vector<std::string> endpoints_of_others() const;

 private:
  NodeWords words() const;
  void was_said(Span back_in);
  std::optional<Span> since_sent() const;
  bool is_silent() const;
  std::optional<Namesake> take_lease();
  std::vector<Lease> look();
  void keep_duties();
  bool take_duty(const std::string& name, const std::vector<Lease>& held);
  void check_others(const NodeWords& self, const std::vector<Lease>& leases) const;
  bool live_by_other_times(const NodeWords& self, const std::vector<Lease>& leases) const;
  bool acquire(const NodeWords& self);
  bool renew(const NodeWords& self);

  Leases& leases_;
  const std::string epoch_;
  const std::function<NodeWords()> words_;
  const Settings settings_;
  const std::string id_, name_;  // of the node, and of its lease
  QueueSlots slots_;

  std::mutex looking_;        // so that what was seen last is what stays
  mutable std::mutex mutex_;  // of what follows; not held while the store is asked
  Observer observer_;
  std::optional<Clock::time_point> sent_;
  Span back_in_{0};  // as it was said then
  Wish wish_;        // of us
  std::vector<Seen> seen_;
  std::set<std::string> duties_;  // that it wishes for
  Heartbeat heartbeat_;
};

}  // namespace domed

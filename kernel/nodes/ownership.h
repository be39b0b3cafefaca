#pragma once

#include <string>

#include "nodes/cluster_times.h"

namespace domed {

// Whose a job is, as its record says: values in, decisions out.  Whoever does what is decided here
// does it by compare and set on the record that it was decided on.
struct Whose {
  enum class Phase { queued, running, over };
  Phase phase = Phase::queued;
  std::string node;        // where the run is, set by an assignment; empty: nowhere
  std::string watcher;     // by whose lease the run lives; empty: as "node"
  bool external = false;   // its producer runs it, so it is no node's
  bool held = false;       // queued, and not to be started
  bool importing = false;  // half a copy from elsewhere: "node" takes it in

  // Some node's to run, or to be ended by it.
  bool is_assigned() const {
    return phase != Phase::over && !external && !importing && !node.empty();
  }
  bool is_claimed() const { return phase == Phase::queued && !external && !node.empty(); }
  const std::string& lives_by() const { return watcher.empty() ? node : watcher; }
};

// `OneOwner`, step "claim": whether a node may claim the job.
bool may_claim(const Whose& job, Standing standing);

// `OneOwner`, step "running": whether a node may take a run's `running`.  Its token was checked
// before, which is the fence.
bool may_take_running(const Whose& job, Standing standing);

// Step "watch": whether a node that was asked by a run writes itself into the record before it
// tells how long; a node whose lease is over has nothing to tell.
bool must_watch(const Whose& job, const std::string& self);
bool may_watch(Standing standing);

// What is to be done with a job that is not over.
enum class Settling {
  leave,      // nothing: it is another's, or goes on
  adopt,      // its runner lives
  take_back,  // no run began: it is anybody's again, and its former token nobody's
  lose,       // failed{lost}; a retry policy then acts
  drop,       // half an import
};

// `OwnOnly`, step "settle": of a job of ours.  Not at the start alone: a claim of our former life
// may land after it.  "may_live": whether a runner of the record's token can be there.
Settling settle_own(const Whose& job, const std::string& self, bool may_live);

// `Takeover`: of a job of another node, by what we have seen ourselves (Observer).
struct Seen {
  bool node_is_dead = false;  // the lease of where the job is
  bool run_is_lost = false;   // nothing is left of its command
};
Settling take_over(const Whose& job, const std::string& self, Standing standing, Seen seen);

}  // namespace domed

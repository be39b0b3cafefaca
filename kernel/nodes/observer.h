#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "domed/leases.h"
#include "nodes/cluster_times.h"
#include "system/boot_clock.h"

namespace domed {

// `node/ID` is the name of a node's lease.
inline constexpr std::string_view kNodeLease = "node/";

// What a node has itself seen of the others, and since when: whose lease is dead, which run is
// lost.
//
// No clock is compared with another's.  A lease is dead when we have seen the same renewal for
// lost_after; a run is lost when, besides, its record has been the same for as long: a commit that
// made that node the watcher may have landed late, while another one told the runner to go on.  By
// the revision, since the record may have named another one between two looks.  Time in which the
// store did not answer us is not counted, nor one ttl after it: the others could not renew either,
// and get the time to.  The same where we did not look for longer than a ttl.
//
// It keeps an entry for each node and for each run that it was shown.  Not thread-safe.
class Observer {
 public:
  using Clock = BootClock;
  using Span = ClusterTimes::Span;

  // "self": our id; we are not dead.
  Observer(std::string self, Span ttl) : self_(std::move(self)), ttl_(ttl) {}

  // The store shows these leases of nodes; ones that are not among them were given back, which
  // says no more than silence.
  void saw(Clock::time_point now, const std::vector<Lease>& leases);
  // The store did not answer.
  void saw_nothing(Clock::time_point now);

  // The record of a job whose run was begun; and of one that is over, or queued again.
  void saw_run(const std::string& job_id, const std::string& watcher, const std::string& revision);
  void forget_run(const std::string& job_id) { runs_.erase(job_id); }
  // The run has asked us, and the record names us.
  void heard(const std::string& job_id);

  // For how long its renewal has been the same; nullopt: a node that was never seen or named.
  std::optional<Span> unchanged(const std::string& node) const;
  // For as long as makes a lease a dead one: "back_in" of the node's own words is added to
  // lost_after.
  bool is_silent(const std::string& node, const ClusterTimes& times) const;
  // Step "dead" of the model: another node's.
  bool is_dead(const std::string& node, const ClusterTimes& times) const;
  // Step "lose" of the models: nothing of the command is left.
  bool is_lost(const std::string& job_id, const ClusterTimes& times) const;

 private:
  struct Node {
    std::string holder;
    std::uint64_t renewals = 0;
    Span back_in{0};
    Span since{0};  // as counted_
  };
  struct Run {
    std::string watcher, revision;
    Span named{0}, heard{0};  // since when, as counted_
  };
  void pass(Clock::time_point now, bool answered);
  std::optional<Span> patience_with(const std::string& node, const ClusterTimes& times) const;

  const std::string self_;
  const Span ttl_;
  Span counted_{0};  // of the time that passed, what counts
  Span free_{0};     // of the time to come, what does not
  // Until then our own runs may have been told that we are away: from then on, as counted_, we wait
  // for one that we do not hear.
  Span promised_{0};
  bool answered_ = false;
  std::optional<Clock::time_point> last_;
  std::map<std::string, Node> nodes_;
  std::map<std::string, Run> runs_;
};

}  // namespace domed

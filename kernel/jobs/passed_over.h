#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "nodes/node_lease.h"
#include "nodes/own_policy.h"
#include "system/boot_clock.h"

namespace domed {

// `OwnPolicy`: the queued jobs that this node passes over, and for how long all nodes that live do
// so: nobody starts those until a deployment is changed.
//
// What the others take is known from their words.  One that does not say it may take anything.
// Counted from when this node saw it; a restart counts anew.  Thread-safe.
class PassedOver {
 public:
  using Clock = BootClock;
  static constexpr auto kLong = std::chrono::hours(1);
  static constexpr std::size_t kNamed = 5;

  // This node looked at the job and passes it over.
  void saw(const std::string& job_id, const Offered& job);
  // It is started, over, or not passed over any more.
  void forget(const std::string& job_id);
  std::vector<std::string> ids() const;
  // The nodes, as the lease's last look showed them.
  void look(const std::vector<NodeLease::Seen>& nodes, const OwnPolicy& own,
            const ClusterTimes& times, Clock::time_point now);

  struct Job {
    std::string job_id;
    std::map<std::string, std::string> lacks;  // by the nodes' names
  };
  // Those that all nodes have passed over for kLong: how many, and the first kNamed.
  struct Told {
    std::size_t jobs = 0;
    std::vector<Job> first;
    std::string words() const;
  };
  Told told(Clock::time_point now) const;

 private:
  struct Known {
    Offered job;
    std::optional<Clock::time_point> since;  // when all did
    std::map<std::string, std::string> lacks;
  };
  mutable std::mutex mutex_;
  std::map<std::string, Known> known_;
};

// What keeps a job from being started that this node passes over, for it lacks something ("own"
// words of it), and what the other nodes that live lack, or that they may start it; of a job that
// is for one node, what is with that.  At most PassedOver::kNamed of them.
std::string why_passed_over(const std::string& own_words, const std::vector<NodeLease::Seen>& nodes,
                            const OwnPolicy& own, const ClusterTimes& times, const Offered& job);

}  // namespace domed

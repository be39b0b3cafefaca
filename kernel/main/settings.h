#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "api/methods.h"
#include "deployment/deployment.h"
#include "deployment/shared_settings.h"
#include "jobs/scheduler.h"
#include "loader/opened_plugin.h"
#include "main/doors.h"
#include "nodes/node_lease.h"
#include "transport/control_server.h"
#include "transport/event_sockets.h"

namespace domed {

// What a deployment says, in the words of each part.  The parts know nothing of deployments, so
// that tests and other daemons can put them together otherwise.

// How many requests of a kind are held or under way at once; and where half of the polls are, those
// of one connection, and of one identity.  So one that follows a thousand jobs can, and leaves as
// many to all others.
inline constexpr std::size_t kPolls = 2048, kPollsOfConnection = 128, kPollsOfIdentity = 256,
                             kAppends = 2048, kOthers = 256;

// What the daemon was started with, and its jobs are to have again.
struct Inherited {
  mode_t umask = 0;
  std::size_t open_files = 0;  // the soft limit
};

// How many sockets there are that connections come to: those with TLS count for themselves.
std::size_t sockets_of(const Deployment& deployment);
// "pipes": connections to each socket.
ControlOptions control_options(const Deployment& deployment, const Doors& doors, std::size_t pipes);
EventOptions event_options(const Deployment& deployment, const Doors& doors, std::size_t pipes);
// As people know it.
std::string node_name(const Deployment& deployment);
// Of a daemon that is one of several (Deployment::cluster): what it says of itself, but for what is
// known once it listens, and the times that all hold to.
NodeWords node_words(const Deployment& deployment);
ClusterTimes cluster_times(const Deployment& deployment);
// Which jobs it starts of those that others have taken.
OwnPolicy own_policy(const Deployment& deployment);
// Why it cannot be one of several; empty: it can, or is not to be.
std::string cluster_problem(const Deployment& deployment);
// What all nodes are to hold to, as this one can.  Throws Error with every problem.
SharedSettings usable_settings(const Deployment& deployment, const std::string& text,
                               const std::string& file);
SchedulerConfig scheduler_config(const Deployment& deployment, const Inherited& inherited);
SubmitRules submit_rules(const Deployment& deployment);
ToolMethods::Tools tools_of(const Deployment& deployment);
std::shared_ptr<const Masks> masks_of(const Deployment& deployment);
// All but where the events are published, which is known once somebody listens.
ServiceConfig service_config(const Deployment& deployment, const std::string& epoch,
                             const std::vector<std::unique_ptr<OpenedPlugin>>& plugins);

}  // namespace domed

#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/replaceable.h"
#include "base/troubles.h"
#include "domed/host.h"
#include "domed/store.h"
#include "jobs/first_looks.h"
#include "jobs/retention.h"
#include "jobs/run_spec.h"
#include "log/environment.h"
#include "log/journal.h"
#include "nodes/node_lease.h"
#include "nodes/own_policy.h"
#include "provenance/provenance.h"

namespace domed {

// What the deployment says of starting and keeping jobs.
struct SchedulerConfig {
  RunSettings run;
  RetentionLimits retention;
  std::string runner;          // path of domed-runner
  std::string node;            // the id of this daemon's node
  OwnPolicy policy;            // what it starts of jobs that others have taken
  NodeLease* lease = nullptr;  // by which it acts on a store that others act on too; else null
  std::size_t max_running = 4;
  std::map<std::string, std::size_t> queues;  // how many of a queue's jobs run at once
  std::chrono::milliseconds retry{1000};      // after a failure that may pass
  // What a runner gets for ending its tree beyond cancel_grace and drain, until it is
  // taken for mute.
  std::chrono::milliseconds mute{10'000};

  std::chrono::milliseconds patience() const { return run.cancel_grace + run.drain + mute; }
};

using JobsLog = std::function<void(Level, const std::string&)>;

// What each step on a run works with: launch(), settle(), make_next_attempt(), Recovery, Sweep.
// They are functions of the store, the disk and the processes of this machine, hold no lock, and
// keep nothing: what comes of a step they return, and the scheduler plans with it.  Each may run on
// any thread; for one job at a time only, which its slot sees to.
struct JobsContext {
  Store& store;
  Journal& journal;
  Environment& environment;
  const Provenance& provenance;
  FirstLooks& looks;
  const SchedulerConfig& config;             // as it was at the start
  const Replaceable<RunSettings>& settings;  // of runs that start now; its paths never change
  JobsLog log;
  Troubles& troubles;
  std::function<bool()> stopping;  // what takes long is then left to the next daemon
  // How many jobs of a queue may run at once, as it holds now; nullopt: it has no limit.
  std::function<std::optional<std::size_t>(const std::string& queue)> limit_of =
      [](const std::string&) { return std::nullopt; };
  // Whether this node, as its policy is now, leaves the queued job to others.
  std::function<bool(const JobHead& head, const JobFixed& fixed)> passes_over =
      [](const JobHead&, const JobFixed&) { return false; };
};

}  // namespace domed

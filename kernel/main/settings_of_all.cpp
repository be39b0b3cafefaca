// The part of Daemon for what all nodes of a store hold to (deployment/shared_settings.h).
#include "base/units.h"
#include "jobs/state_dir.h"
#include "jobs/whose.h"
#include "log/kernels_own.h"
#include "log/records.h"
#include "main/daemon.h"
#include "main/log.h"
#include "nodes/times_kept.h"

namespace domed {
namespace {

constexpr const char* kTrouble = "settings of all nodes";

// Whether a run may be there, as far as can be told: of a record that is damaged nobody can.
bool has_assigned(const Store& store) {
  for (const auto& id : unfinished_jobs(store)) try {
      const auto record = store.find(id);
      if (!record || record->tombstone) continue;
      if (whose(head_of(*record), fixed_of(*record)).is_assigned()) return true;
    } catch (const Error& e) {
      if (e.code() != Code::corruption) throw;
      return true;
    }
  return false;
}

std::string in_words(const TimesKept& times) {
  return "ttl " + format_duration(times.ttl) + ", lost_after " +
         (times.lost_after ? format_duration(*times.lost_after) : "never");
}

}  // namespace

// The deployment with what all nodes hold to in the place of what it says of that.
Deployment Daemon::in_force() const {
  Deployment out = under(*deployment_.now(), settings_.now()->what);
  if (times_) out.cluster = times_;
  return out;
}

void Daemon::use_in_force() {
  const Deployment deployment = in_force();
  methods_->use(submit_rules(deployment), tools_of(deployment), masks_of(deployment));
  scheduler_->use(scheduler_config(deployment, inherited_));
}

// Those of applied settings, but for what must be kept (nodes/times_kept.h): so a node can be
// started anew after new ones were applied.  A deployment that says others is refused: here while
// what was promised is not over, beside a node that lives by NodeLease.
void Daemon::choose_times(const std::vector<Lease>& nodes, const Store& store) {
  times_ = in_force().cluster;  // which do not change from here on
  const auto settings = settings_.now();
  const std::string self = std::string(kNodeLease) + node_id(deployment_.now()->state_dir);
  const auto kept =
      times_kept(nodes, self, cluster_times(in_force()), [&store] { return has_assigned(store); });
  if (kept && settings->what.cluster) {
    times_ = ClusterSettings{kept->ttl, kept->lost_after};
    const std::string revision = std::to_string(settings->revision);
    log_warning(
        "the times of the settings of all nodes, revision " + revision +
        (kept->lives
             ? ", hold when all nodes were stopped: the node " + kept->name + " lives by others"
             : ", hold when all nodes are started while nothing runs: a job runs or is "
               "being started by longer ones (" +
                   in_words(*kept) + "), which go on to hold"));
  } else if (kept && !kept->lives) {
    throw Error(Code::conflict,
                "'cluster' says shorter times than those of before (" + in_words(*kept) +
                    "), by which a job runs or is being started: it would be given up before its "
                    "command has ended.  Start with those, or when nothing runs any more" +
                    (kept->left ? ", or in " + format_duration(*kept->left) : ""));
  }
  if (const std::string problem = cluster_times(in_force()).problem(); !problem.empty())
    throw Error(Code::invalid_argument,
                "the times of all nodes do not fit this deployment's cancel_grace: " + problem);
}

void Daemon::take_settings_if_any() try {
  take_settings(*checked_);
} catch (const std::exception& e) {
  troubles_.met(kTrouble, std::string("cannot be read now: ") + e.what(), Troubles::Clock::now());
}

// Of what cannot be used, of a newer release perhaps, nothing is taken: what held goes on to hold.
// A node that starts has nothing that held.
void Daemon::take_settings(const Store& store) {
  const KeptSettings kept = kept_settings(store);
  const std::lock_guard lock(reload_mutex_);
  const auto present = settings_.now();
  if (kept.revision <= present->revision) return troubles_.over(kTrouble, Troubles::Clock::now());
  const auto deployment = deployment_.now();
  Settings next{kept.revision, {}};
  try {
    next.what = usable_settings(*deployment, kept.text, kept.file);
  } catch (const Error& e) {
    const std::string what =
        "revision " + std::to_string(kept.revision) + " cannot be used here: " + e.what();
    if (!serves_) throw Error(e.code(), std::string(kTrouble) + ": " + what);
    return troubles_.met(
        kTrouble, what + "; revision " + std::to_string(present->revision) + " goes on to hold",
        Troubles::Clock::now());
  }
  for (const auto& line : ignored_under(*deployment, next.what, kept.revision)) log_warning(line);
  const bool waits = serves_ && next.what.cluster && next.what.cluster != times_;
  settings_.become(std::move(next));
  troubles_.over(kTrouble, Troubles::Clock::now());
  log_line(Level::info, "this node acts on revision " + std::to_string(kept.revision) +
                            " of the settings of all nodes, applied by " + kept.by +
                            (waits ? "; their times hold when all nodes were stopped" : ""));
  if (serves_) use_in_force();
}

// Deployments need not say the same limits of queues where settings say them, and must where those
// do so no more.
void Daemon::check_limits(const SharedSettings& next, const std::string& file) {
  if (next.queues || !settings_.now()->what.queues) return;
  const std::string own = limits_text(deployment_.now()->jobs.queues);
  for (const Lease& lease : leases_of(*fenced_)->held(kNodeLease)) {
    const NodeWords words = NodeWords::parse(lease.text);
    if (lease.age >= lease_->times().ttl || words.forgotten || words.limits == own) continue;
    throw Error(Code::invalid_argument,
                file +
                    ": jobs.queues is left out, and the deployments of nodes say others: that of " +
                    words.name + " " + limits_in_words(words.limits) + ", that of this one " +
                    limits_in_words(own) + "; say here which hold, or the same in all of them");
  }
}

ClusterHooks Daemon::cluster_hooks() {
  ClusterHooks hooks;
  hooks.check = [this](const std::string& text, const std::string& file) {
    check_limits(usable_settings(*deployment_.now(), text, file), file);
  };
  hooks.take = [this] { take_settings_if_any(); };
  return hooks;
}

}  // namespace domed

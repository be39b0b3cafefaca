// The part of Daemon for a store that others can open, or act on, too.
#include "base/units.h"
#include "jobs/state_dir.h"
#include "jobs/whose.h"
#include "log/kernels_own.h"
#include "main/daemon.h"
#include "main/log.h"
#include "nodes/place_lease.h"
#include "protocol/endpoint.h"

namespace domed {

// The plugin's store, or, where other daemons can open it too, the same for as long as we are the
// one that may act on it.
Store& Daemon::open_store() {
  if (const std::string problem = cluster_problem(*deployment_.now()); !problem.empty())
    throw Error(Code::unsupported, problem);
  Leases* const leases = leases_of(*fenced_);
  if (!leases || !watch_of(*fenced_)) return *fenced_;
  if (deployment_.now()->cluster) return join(*leases), *fenced_;
  const auto state_dir = deployment_.now()->state_dir;
  held_ = std::make_unique<HeldPlace>(
      *fenced_, *leases,
      PlaceLease::Self{node_id(state_dir), epoch_, place_of(state_dir), host_name()}, [this] {
        log_warning("another daemon has taken the store: this one lets it go");
        stale_();
      });
  return held_->store();
}

// One of several: from here on the store takes what each of them commits, by compare and set, and
// the lease says what we may begin.  It is renewed from now on, for what comes before we serve may
// take long.
void Daemon::join(Leases& leases) {
  CheckedStore checked(*fenced_);
  // Before others hear of it: one with another key than theirs could run no job of theirs, nor they
  // of it.
  must_open_secret(SealedStore(checked, deployment_.now()->store_keys));
  take_settings(checked);
  choose_times(leases.held(kNodeLease), checked);
  NodeWords words = node_words(in_force());
  words.limits = limits_text(deployment_.now()->jobs.queues);
  const auto say = [this, words] {
    NodeWords now = words;
    const auto policy = own_policy(in_force());
    now.queues = {policy.queues.begin(), policy.queues.end()};
    now.takes = policy;
    now.endpoints.clear();
    // As others reach them.
    for (const auto& url : *own_urls_.now())
      now.endpoints.push_back(reachable_url(url, "tcp://" + host_name() + ":0"));
    const auto settings = settings_.now();
    now.settings = settings->revision;
    now.limits_of_all = settings->what.queues.has_value();
    now.time = environment_.now();
    return now;
  };
  lease_ = std::make_unique<NodeLease>(leases, epoch_, say,
                                       NodeLease::Settings{cluster_times(in_force())});
  if (lease_->take() == Namesake::another)
    throw Error(Code::conflict,
                "another machine acts on the store as this node, " + words.name + " (" +
                    words.node +
                    "): a state_dir was copied or moved.  To give this one a name of "
                    "its own, remove " +
                    (deployment_.now()->state_dir / "node_id").string());
  must_be_shared(leases);
  lease_->keep(
      [this] {
        log_warning(
            "another daemon has taken this node's lease, or, while that was over, the other nodes "
            "have begun to live by other times: this one lets go of the store");
        stale_();
      },
      [this, told = NodeLease::Span(0)]() mutable {
        if (!serves_) return;
        take_settings_if_any();  // a notice may be lost
        // Whose runners may go on for longer hears it at once: it may be about to stop.
        if (std::exchange(told, lease_->back_in()) < lease_->back_in()) streams_->changed_all();
        scheduler_->look_at_others();
      });
}

// For latency alone: what is not heard in time is found in the store.
void Daemon::hear_others() {
  Elsewhere::Hears hears;
  hears.changed = [this](const JobRecord& record, const Commit& commit) {
    publisher_->tell(commit);
    streams_->committed(commit);
    scheduler_->changed_elsewhere(record, commit);
    journal_->changed_elsewhere(commit.job_id);
  };
  hears.node = node_id(deployment_.now()->state_dir);
  hears.grew = [this](const Commit& commit) {
    publisher_->tell(commit);
    streams_->committed(commit);
    journal_->changed_elsewhere(commit.job_id);
  };
  hears.own_record = [this](const std::string& job_id) {
    if (job_id == kClusterRecord) take_settings_if_any();
  };
  hears.gap = [this] {
    take_settings_if_any();
    publisher_->beat_again();
    streams_->changed_all();
    scheduler_->look_again();
  };
  hears.tried = [this](const std::optional<Error>& failure) {
    const auto now = Troubles::Clock::now();
    failure
        ? troubles_.met("watch",
                        std::string("what other nodes do is heard late: ") + failure->what(), now)
        : troubles_.over("watch", now);
  };
  elsewhere_ =
      std::make_unique<Elsewhere>(*watch_of(*fenced_), *store_, environment_, std::move(hears));
}

// A store that neither answers nor fails is found out here, for whoever asks it waits: the watchdog
// asks for health every other second.
OrderedJson Daemon::among_others() {
  const auto deaf = elsewhere_->deaf();
  if (deaf)
    troubles_.met("watch", "what other nodes do is heard late: the store tells nothing",
                  Troubles::Clock::now());
  OrderedJson watch = OrderedJson::object();
  if (const auto notice = elsewhere_->newest()) {
    watch["newest_at"] = format_time(notice->came);
    watch["lag_ms"] = notice->age.count() / 1000;
  }
  if (deaf) watch["deaf_ms"] = deaf->count();
  const auto told = scheduler_->passed_over();
  OrderedJson jobs = OrderedJson::array();
  for (const auto& job : told.first) jobs.push_back({{"job_id", job.job_id}, {"lacks", job.lacks}});
  return {{"watch", watch}, {"passed_over", {{"jobs", told.jobs}, {"first", jobs}}}};
}

Streams::Shared Daemon::shared_follow() {
  Streams::Shared shared;
  shared.node = node_id(deployment_.now()->state_dir);
  shared.poll_at_most = lease_->times().poll_at_most();
  shared.tell = [this](const std::string& job_id) { return lease_->tell(job_id); };
  shared.watch = [this, node = shared.node](const std::string& job_id, const std::string& token,
                                            std::function<void(std::exception_ptr)> done) {
    Journal::Command command;
    command.job_id = job_id;
    command.apply = [this, node, token](JobLog& log, bool last_chance) {
      Batch poll;
      poll.producer_token = token;
      take_at(poll, log, node, lease_->standing());
      AppendResult ignored;
      return log.append(poll, last_chance, ignored);
    };
    command.done = std::move(done);
    journal_->submit(std::move(command));
  };
  shared.others = [this] { return lease_->endpoints_of_others(); };
  return shared;
}

}  // namespace domed

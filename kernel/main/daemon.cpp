#include "main/daemon.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "base/units.h"
#include "base/version.h"
#include "deployment/difference.h"
#include "jobs/state_dir.h"
#include "log/kernels_own.h"
#include "main/log.h"
#include "main/notify.h"
#include "nodes/place_lease.h"
#include "system/cgroup.h"
#include "system/installation.h"
#include "system/process.h"

namespace domed {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWorkers = 4;

std::string list_of(const std::vector<std::string>& items) {
  std::string out;
  for (const auto& item : items) out += (out.empty() ? "" : ", ") + item;
  return out;
}

double seconds_since(std::int64_t time) {
  return static_cast<double>(std::max<std::int64_t>(0, now_micros() - time)) / 1e6;
}

void tell(const Reloaded& reloaded) {
  for (const auto& warning : reloaded.warnings) log_warning(warning);
  spdlog::info("the deployment is read again; new: {}",
               reloaded.taken.empty() ? "nothing" : list_of(reloaded.taken));
  if (!reloaded.waiting.empty())
    spdlog::warn("not before a restart: {}", list_of(reloaded.waiting));
  for (const auto& failure : reloaded.failed)
    spdlog::error("a file is not read again, and stays as it was: {}", failure);
}

}  // namespace

Daemon::Daemon(Deployment deployment, std::function<void()> stale)
    : deployment_(std::move(deployment)),
      stale_(std::move(stale)),
      epoch_(environment_.random_id()),
      tokens_(std::make_shared<Tokens>(deployment_.now()->tokens)) {
  try {
    // What another daemon may have, and what the system may refuse, before anything is changed.
    claim();
    // Each part is made when all are there that it is given.  None is called by anybody before
    // serve(): what they tell each other goes by way of the members.
    open_plugins();
    open_followers();
    open_log();
    open_methods();
    // What an earlier daemon left.  Before anybody can ask: a client must never see a log that is
    // about to get another name, or a job of which nobody is in charge.
    recover();
    serve();
  } catch (...) {
    stop();
    throw;
  }
}

// Our state_dir and our addresses, which are not listened at before there is somebody to answer.
// Jobs get back the limit of descriptors and the umask that we were started with.
void Daemon::claim() {
  const auto deployment = deployment_.now();
  state_lock_ = claim_state_dir(deployment->state_dir);
  if (!deployment->jobs.cgroup.empty()) must_be_delegated(deployment->jobs.cgroup, "jobs.cgroup");
  inherited_.umask = present_umask();
  inherited_.open_files = raise_descriptor_limit();
  const std::size_t pipes = pipe_bound(sockets_of(*deployment));
  doors_ = doors_of(*deployment, tokens_);
  const ControlOptions control = control_options(*deployment, doors_, pipes);
  const EventOptions events = event_options(*deployment, doors_, pipes);
  control_ = std::make_unique<ControlServer>(
      control, [this](std::string request, Peer peer, ControlServer::Reply reply) {
        dispatcher_->take(std::move(request), peer, std::move(reply));
      });
  events_ = std::make_unique<EventSockets>(events);
}

void Daemon::open_plugins() {
  const auto deployment = deployment_.now();
  const auto open = [this](const PluginUse& use) -> const OpenedPlugin& {
    return *plugins_.emplace_back(
        std::make_unique<OpenedPlugin>(use.manifest, use.options, spdlog::default_logger()));
  };
  fenced_ = open(deployment->store).store();
  open_layers(open_store());
  std::vector<Source> sources;
  for (const auto& use : deployment->provenance) {
    const OpenedPlugin& opened = open(use);
    sources.push_back({use.manifest.name, use.manifest.version, use.manifest.capabilities,
                       use.timeout, opened.collector(), opened.plugin().library_sha256()});
  }
  provenance_ = std::make_unique<Provenance>(
      std::move(sources), log_warning, runner_program(),
      [this](const std::string& collector, std::chrono::nanoseconds took, bool ok) {
        measure(metrics_, collector, took, ok);
      });
}

// Those who show what was committed, and so are there before the journal.
void Daemon::open_followers() {
  publisher_ = std::make_unique<Publisher>(
      epoch_, events_->shards(), environment_,
      [this](std::size_t shard, const Publisher::Frame& frame) { events_->send(shard, frame); },
      [this](std::size_t shard) { return events_->pipes(shard); },
      [this](std::size_t shard) { return events_->is_saturated(shard); });
  Histogram& delivery =
      metrics_.histogram("domed_delivery_duration_seconds",
                         "How long lines waited from their commit until they left in a frame.");
  publisher_->on_delivered([&](std::chrono::nanoseconds waited) { delivery.observe(waited); });
  workers_ = std::make_unique<Workers>(kWorkers);
  streams_ = std::make_unique<Streams>(*store_, *workers_,
                                       PollLimits{kPolls, kPollsOfConnection, kPollsOfIdentity},
                                       [this](const std::string& job_id) {
                                         return events_->urls(shard_of(job_id, events_->shards()));
                                       });
  if (lease_) streams_->share(shared_follow());
}

// The one writer, and who hears of a commit, in this order: followers by frames and pages, which
// wait for it most; then the scheduler, who may start or end something because of it.
void Daemon::open_log() {
  store_secret_ = store_secret(*sealed_, environment_);
  Doubts doubts;
  doubts.committing = [this](const std::string& job_id) { streams_->committing(job_id); };
  doubts.forget = [this](const std::string& job_id) { streams_->forget(job_id); };
  StoreWatch watch;
  watch.tried = [this](const std::optional<Error>& failure) {
    const auto now = Troubles::Clock::now();
    failure ? troubles_.met("store", failure->what(), now) : troubles_.over("store", now);
  };
  watch.probe = [this] { touch(*sealed_, environment_); };
  measure(metrics_, watch);
  journal_ = std::make_unique<Journal>(
      *sealed_, environment_,
      [this](const Commit& commit) {
        // The first: the watch tells of it as soon as it is committed.
        if (elsewhere_) elsewhere_->own(commit);
        publisher_->add(commit);
        streams_->committed(commit);
        scheduler_->notice(commit);
        if (commit.gone) troubles_.over(damage_in(commit.job_id), Troubles::Clock::now());
      },
      doubts, watch,
      [this](const JobNews& news) {
        log_job(news);
        count(metrics_, news);
      });
  if (lease_) journal_->share();
  store_->renew_with([this](const std::string& job_id) { journal_->renew(job_id); });
  SchedulerConfig config = scheduler_config(in_force(), inherited_);
  config.lease = lease_.get();
  scheduler_ = std::make_unique<Scheduler>(*store_, *journal_, environment_, *provenance_,
                                           std::move(config), log_line, troubles_);
  if (lease_) hear_others();
}

void Daemon::open_methods() {
  ServiceConfig config = service_config(in_force(), epoch_, plugins_);
  if (lease_) config.cluster = cluster_hooks();
  config.store_secret = store_secret_;
  config.node = {config.facts.node_id, lease_.get()};
  config.backup = backup_of(*fenced_);
  config.facts.can_backup = config.backup != nullptr;
  config.facts.events_urls = [this] { return events_->urls(); };
  config.facts.frames_lost = [this] { return events_->dropped(); };
  config.facts.disk_free = [directory = deployment_.now()->state_dir] {
    return free_bytes(directory);
  };
  if (elsewhere_) config.facts.among_others = [this] { return among_others(); };
  config.facts.troubles = [this] {
    auto out = troubles_.present(Troubles::Clock::now());
    for (const auto& text : expiring()) out.push_back({"certificate", text, {}});
    return out;
  };
  config.facts.work = [this] {
    const auto jobs = scheduler_->counts();
    double oldest = 0;
    for (const auto& [queue, depth] : scheduler_->depths())
      if (depth.oldest != INT64_MAX) oldest = std::max(oldest, seconds_since(depth.oldest));
    return DaemonFacts::Work{.queued = jobs.queued,
                             .running = jobs.running,
                             .clients = control_->pipes(),
                             .subscribers = events_->pipes(),
                             .held_polls = streams_->held_polls(),
                             .oldest_s = static_cast<std::int64_t>(oldest),
                             .draining = lease_ && lease_->is_draining()};
  };
  config.facts.metrics = [this] { return metrics_.text(); };
  config.reload = [this] { return reload(); };
  config.events_urls = [this](const std::string& job_id) {
    return events_->urls(shard_of(job_id, events_->shards()));
  };
  methods_ = std::make_unique<Methods>(*store_, *journal_, *streams_, *scheduler_, environment_,
                                       *workers_, audit_, std::move(config));
  dispatcher_ = std::make_unique<Dispatcher>(*methods_, *workers_, audit_, metrics_, log_request);
  measure(metrics_, gauges());
}

Gauges Daemon::gauges() {
  return {[this] { return control_->pipes(); },
          [this] { return events_->pipes(); },
          [this] { return control_->busy(); },
          [this] { return streams_->held_polls(); },
          [this] { return scheduler_->counts().running; },
          [this] { return troubles_.present(Troubles::Clock::now()).size(); },
          [this] { return events_->dropped(); },
          [this] { return !troubles_of_store().empty(); },
          [this] {
            Metrics::Values out;
            for (const auto& [queue, depth] : scheduler_->depths())
              out[metric_label("queue", queue)] = static_cast<double>(depth.jobs);
            return out;
          },
          [this] {
            Metrics::Values out;
            for (const auto& [queue, depth] : scheduler_->depths())
              if (depth.oldest != INT64_MAX)
                out[metric_label("queue", queue)] = seconds_since(depth.oldest);
            return out;
          },
          deployment_.now()->state_dir};
}

void Daemon::recover() {
  // Followers who stayed learn of each job by its heartbeat.  A log that may have lost its tail
  // gets its new name when it is looked at, here or later (PresentStore).
  scheduler_->recover([this](const std::string& job_id, const JobHead& head) {
    Commit commit;
    commit.job_id = job_id;
    commit.log_id = head.log_id;
    commit.first = head.head_seq + 1;
    commit.head = head.head_seq;
    commit.state = head.state;
    publisher_->watch(commit);
  });
}

void Daemon::serve() {
  control_->on_pipe_gone([this](std::uint32_t pipe) { streams_->client_left(pipe); });
  // Events before control, whose replies name where they are; both before the scheduler, whose
  // runners have to reach us: ports that were 0 are known only now.
  events_->start();
  control_->start();
  scheduler_->start(control_->urls_for_own_processes());
  own_urls_.become(control_->urls());
  serves_ = true;
  if (elsewhere_) elsewhere_->start();
  if (const std::string place = deployment_.now()->metrics_listen; !place.empty()) {
    probes_ =
        std::make_unique<Probes>(place, Probes::Answers{[this] { return metrics_.text(); },
                                                        [this] { return troubles_of_store(); }});
    spdlog::info("metrics and probes at http://{}/metrics", probes_->address());
  }
  // Last, for it dials what listens.
  WatchdogOptions watch;
  watch.ping = R"({"jsonrpc":"2.0","id":"watchdog","method":"Health"})";
  // A sign of life is one of those who do the work: it comes when a worker has come to it.
  watch.round = [this] { workers_->run([] { tell_service_manager("WATCHDOG=1"); }); };
  watchdog_ = std::make_unique<Watchdog>(watch, control_->endpoints(), events_->endpoints());
  watchdog_->start();
  if (!doors_.contexts().empty())
    daily_ = std::jthread([this](const std::stop_token& stop) { tell_what_expires(stop); });
  for (const auto& url : control_->urls()) spdlog::info("domed {} serves {}", kVersion, url);
}

// The deployment is read and checked as a whole, with all the files that it names, before anything
// of it holds.
Reloaded Daemon::reload() {
  const std::lock_guard lock(reload_mutex_);
  const auto running = deployment_.now();
  Difference found;
  DoorFiles files;
  LogTarget log;
  try {
    const Deployment read = load_deployment(running->file);
    found = difference(*running, read);
    files = read_files(doors_, found.now, read);
    log = open_log_target(found.now.log);
  } catch (const Error& e) {
    spdlog::error("the deployment cannot be used, and nothing has changed: {}", e.what());
    throw;
  }
  use_log(found.now.log.level, std::move(log));
  use(found.now, files);
  const Reloaded out{found.taken, found.waiting, files.failed, found.now.warnings};
  tell(out);
  for (const auto& text : expiring()) log_warning(text);
  return out;
}

void Daemon::use(const Deployment& deployment, const DoorFiles& files) {
  deployment_.become(deployment);
  change_doors(doors_, *tokens_, deployment, files, [this] {
    control_->look_again_at_identities();
    events_->look_again_at_identities();
  });
  streams_->look_again();
  use_in_force();
}

// For strangers: not what it says of itself, which may name files.
std::string Daemon::troubles_of_store() {
  for (const auto& trouble : troubles_.present(Troubles::Clock::now()))
    if (trouble.subject == "store") return "the store keeps nothing at the moment\n";
  return "";
}

std::vector<std::string> Daemon::expiring() {
  std::vector<std::string> out;
  for (const auto& context : doors_.contexts())
    for (auto& text : context->expiring(environment_.now()))
      if (std::find(out.begin(), out.end(), text) == out.end()) out.push_back(std::move(text));
  return out;
}

void Daemon::tell_what_expires(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  do {
    for (const auto& text : expiring()) log_warning(text);
  } while (!never.wait_for(lock, stop, 24h, [&] { return stop.stop_requested(); }));
}

bool Daemon::drain(const std::stop_token& stop) {
  return scheduler_->drain(stop);
}

Daemon::~Daemon() {
  stop();
}

// No new work, what is committed is answered, held polls are let go; runners go
// on, unless the store would forget their jobs anyway.  All that has a wait of its
// own is told first, so that the waits run side by side.
void Daemon::stop() {
  // Before those whom these two tell of others.  The lease is left to its time: what runs goes on
  // by it.
  serves_ = false;
  if (elsewhere_) elsewhere_->stop();
  if (lease_) lease_->stop();
  // Collectors before those who wait for them: an end waits for none, however long it may take.
  daily_ = {};
  probes_.reset();
  if (watchdog_) watchdog_->stop();
  if (methods_) methods_->close();
  if (provenance_) provenance_->stop();
  if (scheduler_) scheduler_->stop(store_->durability() == Durability::none);
  if (streams_) streams_->stop();
  if (workers_) workers_->stop(1s);
  // Before the control server: what it has taken it commits, and the answers have a way to go.
  if (journal_) journal_->stop();
  if (methods_) methods_->stop();
  if (control_) control_->shutdown(1s);  // until here requests come, and get E_BUSY
  dispatcher_.reset();
  methods_.reset();
  audit_.tell_rest();
  // After the journal, whose last commits it has to tell; and it must be done with the sockets
  // before they close.
  if (publisher_) publisher_->stop();
  if (events_) events_->close();
  scheduler_.reset();
  journal_.reset();
  store_.reset();
  sealed_.reset();
  checked_.reset();
  held_.reset();  // and with it the place is free
  elsewhere_.reset();
  lease_.reset();
  fenced_.reset();
  // The last of all: the next daemon is to find a store that is closed and runs that are nobody's.
  state_lock_ = {};
}

}  // namespace domed

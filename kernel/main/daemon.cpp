#include "main/daemon.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/version.h"
#include "protocol/limits.h"
#include "system/process.h"
#include "system/trusted_path.h"

namespace domed {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kWorkers = 4;
constexpr std::size_t kQuickBytes = 64 << 10;  // read on the thread that brought them
constexpr std::size_t kPolls = 1024, kAppends = 2048, kOthers = 256;

void log_warning(const std::string& line) {
  spdlog::warn(line);
}

void log_line(Level level, const std::string& line) {
  static constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                          spdlog::level::warn, spdlog::level::err};
  spdlog::log(kLevels[static_cast<std::size_t>(level)], line);
}

// Keeps two daemons from sharing the runs below one state_dir.
FileLock lock_state_dir(const std::filesystem::path& dir) {
  const std::string subject = "state_dir " + dir.string();
  for (const auto& inside : {dir, dir / "runs", dir / "scratch"})
    make_private_directories(inside, subject);
  return {dir / "lock", subject + " is in use"};
}

std::vector<Place> places(const std::vector<Listener>& listeners) {
  std::vector<Place> out;
  for (const auto& listener : listeners) out.emplace_back(listener.url, listener.origins);
  return out;
}

double seconds(std::chrono::milliseconds time) {
  return static_cast<double>(time.count()) / 1000;
}

Json tool_json(const ToolSpec& tool) {
  Json out = description_of(tool);
  out["timeout_s"] = seconds(tool.timeout);
  out["retry"] = {{"max_attempts", tool.max_attempts}, {"backoff_s", seconds(tool.backoff)}};
  out["contract_sha256"] = sha256_hex(tool.contract);
  return out;
}

// Limits that would silently not hold are worse than none.
void check_cgroup(const std::filesystem::path& dir) {
  if (dir.empty() || access(dir.c_str(), W_OK) == 0) return;
  throw Error(Code::io, "jobs.cgroup: " + dir.string() + ": " + std::strerror(errno) +
                            ": it has to be a directory of cgroup v2 that is delegated to the "
                            "daemon's user");
}

// A collector that hangs may outlive the daemon; what it uses then does too.
std::shared_ptr<Collector> with_its_log(std::unique_ptr<Collector> collector,
                                        std::shared_ptr<PluginLog> log) {
  return {collector.release(), [log](Collector* it) { delete it; }};
}

std::string runner_program() {
  const auto here = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  const auto installed = here.parent_path() / "libexec" / "domed" / "domed-runner";
  return std::filesystem::exists(installed) ? installed : here / "domed-runner";
}

std::vector<std::string> ipc_first(std::vector<std::string> urls) {
  std::stable_partition(urls.begin(), urls.end(),
                        [](const auto& url) { return url.starts_with("ipc://"); });
  return urls;
}

}  // namespace

Daemon::Daemon(const Deployment& deployment)
    : deployment_(deployment),
      epoch_(environment_.random_id()),
      boot_(deployment.state_dir, boot_id()) {
  try {
    open();
    recover();
    serve();
  } catch (...) {
    stop();
    throw;
  }
}

void Daemon::open() {
  state_lock_ = lock_state_dir(deployment_.state_dir);
  check_cgroup(deployment_.jobs.cgroup);
  open_files_ = raise_descriptor_limit();
  const std::size_t pipes = pipe_bound(1 + static_cast<std::size_t>(deployment_.event_shards));
  ControlOptions control;
  control.urls = places(deployment_.control_listen);
  control.listen.group = deployment_.group;
  control.contexts = kPolls + kAppends + kOthers;
  control.pipes = pipes;
  control_ = std::make_unique<ControlServer>(
      control, [this](std::string request, std::uint32_t pipe, ControlServer::Reply reply) {
        take(std::move(request), pipe, std::move(reply));
      });
  EventOptions events;
  events.urls = places(deployment_.events_listen);
  events.listen.group = deployment_.group;
  events.shards = static_cast<std::size_t>(deployment_.event_shards);
  events.pipes = pipes;
  events_ = std::make_unique<EventSockets>(events);
  open_plugins();
  open_store_and_journal();
}

void Daemon::open_plugins() {
  const auto open = [this](const PluginUse& use) -> Plugin& {
    plugin_logs_.push_back(std::make_shared<PluginLog>(use.manifest.name, use.options.secrets(),
                                                       spdlog::default_logger()));
    plugins_.push_back(std::make_unique<Plugin>(use.manifest));
    return *plugins_.back();
  };
  store_ = open(deployment_.store).create_store(deployment_.store.options, *plugin_logs_.back());
  std::vector<Source> sources;
  for (const auto& use : deployment_.provenance) {
    const Plugin& plugin = open(use);
    auto collector = plugin.create_collector(use.options, *plugin_logs_.back());
    sources.push_back({use.manifest.name, use.manifest.version, use.manifest.capabilities,
                       use.timeout, with_its_log(std::move(collector), plugin_logs_.back()),
                       plugin.library_sha256()});
  }
  provenance_ = std::make_unique<Provenance>(std::move(sources), log_warning, runner_program());
}

void Daemon::open_store_and_journal() {
  publisher_ = std::make_unique<Publisher>(
      epoch_, events_->shards(), environment_,
      [this](std::size_t shard, const std::string& frame) {
        events_->send(shard, make_message(frame));
      },
      [this](std::size_t shard) { return events_->pipes(shard); });
  workers_ = std::make_unique<Workers>(kWorkers);
  streams_ =
      std::make_unique<Streams>(*store_, *workers_, kPolls,
                                [this](const std::string& job_id) { return events_urls(job_id); });
  Doubts doubts;
  doubts.committing = [this](const std::string& job_id) { streams_->committing(job_id); };
  doubts.forget = [this](const std::string& job_id) { streams_->forget(job_id); };
  journal_ = std::make_unique<Journal>(
      *store_, environment_,
      [this](const Commit& commit) {
        publisher_->add(commit);
        streams_->committed(commit);
        scheduler_->notice(commit);
      },
      doubts);
  scheduler_ = std::make_unique<Scheduler>(*store_, *journal_, environment_, *provenance_,
                                           scheduler_config(), log_line);
  methods_ = std::make_unique<Methods>(*store_, *journal_, *streams_, *scheduler_, *provenance_,
                                       environment_, *workers_, service_config());
}

void Daemon::recover() {
  if (store_->durability() == Durability::process && boot_.machine_went_down()) {
    spdlog::warn(
        "the machine went down under an earlier domed: unfinished jobs get a new log_id, for their "
        "last events may be lost");
    reidentify_unfinished(*store_, *journal_, environment_, log_warning);
  }
  boot_.set();
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
  events_->start();
  control_->start();
  scheduler_->start(ipc_first(control_->urls()));  // ports that were 0 are known now
  WatchdogOptions watch;
  watch.ping = R"({"jsonrpc":"2.0","id":"watchdog","method":"Health"})";
  watchdog_ = std::make_unique<Watchdog>(watch, control_->endpoints(), events_->endpoints());
  watchdog_->start();
  for (const auto& url : control_->urls()) spdlog::info("domed {} serves {}", kVersion, url);
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
  if (watchdog_) watchdog_->stop();
  if (methods_) methods_->close();
  if (provenance_) provenance_->stop();
  if (scheduler_) scheduler_->stop(store_->durability() == Durability::none);
  if (streams_) streams_->stop();
  if (workers_) workers_->stop(1s);
  if (journal_) journal_->stop();
  if (methods_) methods_->stop();
  if (control_) control_->shutdown(1s);  // until here requests come, and get E_BUSY
  methods_.reset();
  if (publisher_) publisher_->stop();
  if (events_) events_->close();
  scheduler_.reset();
  journal_.reset();
  const bool served = watchdog_ != nullptr;
  store_.reset();  // its last bytes are on disk before the mark goes
  if (served) boot_.clear();
  state_lock_ = {};
}

void Daemon::take(std::string bytes, std::uint32_t pipe, ControlServer::Reply reply) {
  Call call{"null", "", pipe, std::move(reply)};
  if (bytes.size() > limits::kRequestBytes)  // never queued, so that such cannot pile up
    return call.error(
        ApiError("E_TOO_LARGE", "a request may have " + std::to_string(limits::kRequestBytes) +
                                    " bytes, this one has " + std::to_string(bytes.size())));
  if (bytes.size() <= kQuickBytes) return handle(bytes, std::move(call));
  const auto large = std::make_shared<const std::string>(std::move(bytes));
  const auto task = [this, large, call] { handle(*large, call); };
  workers_->run(task, task);  // dropped, it is refused by what it asks for
}

void Daemon::handle(const std::string& bytes, Call call) {
  Request request;
  try {
    read_request(bytes, request);
    call.params = std::move(request.params);
    call.id = request.id;
    methods_->call(request.method, call);
  } catch (...) {
    call.id = request.id;
    call.error(std::current_exception());
  }
}

std::vector<std::string> Daemon::events_urls(const std::string& job_id) const {
  return events_->urls(shard_of(job_id, events_->shards()));
}

std::vector<std::string> Daemon::all_events_urls() const {
  std::vector<std::string> out;
  for (std::size_t shard = 0; shard < events_->shards(); ++shard)
    for (auto& url : events_->urls(shard)) out.push_back(std::move(url));
  return out;
}

ServiceConfig Daemon::service_config() const {
  ServiceConfig config;
  config.epoch = epoch_;
  config.store_name = deployment_.store.manifest.name;
  for (const auto& plugin : plugins_) {
    const Manifest& manifest = plugin->manifest();
    config.plugins.push_back({{"name", manifest.name},
                              {"kind", manifest.kind},
                              {"version", manifest.version},
                              {"abi", plugin->abi()},
                              {"capabilities", manifest.capabilities},
                              {"library_sha256", plugin->library_sha256()}});
  }
  for (const auto& tool : deployment_.tools) config.tools[tool.id] = tool_json(tool);
  config.allow_ad_hoc = deployment_.jobs.allow_ad_hoc;
  for (const auto& [name, limit] : deployment_.jobs.queues) config.queues.insert(name);
  config.most_polls = kPolls;
  config.most_appends = kAppends;
  config.events_urls = [this](const std::string& job_id) { return events_urls(job_id); };
  config.all_events_urls = [this] { return all_events_urls(); };
  return config;
}

SchedulerConfig Daemon::scheduler_config() const {
  SchedulerConfig config;
  config.runner = runner_program();
  config.max_running = static_cast<std::size_t>(deployment_.jobs.max_running);
  config.queues = deployment_.jobs.queues;
  config.run.state_dir = deployment_.state_dir;
  config.run.cancel_grace = deployment_.jobs.cancel_grace;
  config.run.drain = deployment_.jobs.drain;
  config.run.give_up = deployment_.jobs.give_up;
  config.run.open_files = open_files_;
  config.run.max_output = deployment_.jobs.max_output;
  config.run.umask = deployment_.jobs.umask.value_or(umask_);
  config.run.cgroup = deployment_.jobs.cgroup;
  for (const auto& name : deployment_.jobs.env_allowlist)
    if (const char* value = std::getenv(name.c_str())) config.run.environment[name] = value;
  config.retention.keep_finished = deployment_.retention.keep_finished;
  config.retention.keep_jobs = static_cast<std::uint64_t>(deployment_.retention.keep_jobs);
  config.retention.keep_tombstones = deployment_.retention.keep_tombstones;
  return config;
}

}  // namespace domed

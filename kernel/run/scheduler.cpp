#include "run/scheduler.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "common/api_error.h"
#include "serve/append.h"

namespace domed {
namespace {

using namespace std::chrono_literals;
constexpr auto kRetentionEvery = 10min;
constexpr std::size_t kPageBytes = 4u << 20;  // of records in memory at once
constexpr std::int64_t kGiveUpMs = 7ll * 24 * 3600 * 1000;

std::string text(const Json& object, const char* key) {
  return object.contains(key) ? object.at(key).get<std::string>() : "";
}

}  // namespace

std::vector<std::string> unfinished_jobs(const Store& store) {
  std::vector<std::string> ids;
  ListQuery query;
  query.unfinished = true;
  query.max_bytes = kPageBytes;
  for (auto page = store.list(query); !page.empty(); page = store.list(query)) {
    for (const auto& record : page) ids.push_back(record.job_id);
    query.before = page.back().columns.created;
  }
  std::reverse(ids.begin(), ids.end());
  return ids;
}

Scheduler::Scheduler(Store& store, Journal& journal, Environment& environment,
                     const Provenance& provenance, SchedulerConfig config, Log log)
    : store_(store),
      journal_(journal),
      environment_(environment),
      provenance_(provenance),
      config_(std::move(config)),
      log_(std::move(log)),
      event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      workers_(std::clamp<std::size_t>(config_.max_running, 2, 8)) {}

// An imported job's id may be any string, "../.." too: it never becomes a path.
std::filesystem::path Scheduler::scratch(const std::string& job_id) const {
  return config_.state_dir / "scratch" / sha256_hex(job_id).substr(0, 32);
}

std::string Scheduler::working_dir(const JobFixed& job) const {
  std::string cwd = text(job.request, "cwd");
  if (cwd.empty() && job.tool.is_object()) cwd = text(job.tool, "cwd");
  if (cwd.empty() && !job.external()) cwd = scratch(job.job_id);
  return cwd;
}

RunDir Scheduler::run_dir(const std::string& run_id) const {
  return RunDir(config_.state_dir / "runs" / run_id);
}

void Scheduler::recover() {
  for (const auto& job_id : unfinished_jobs(store_)) {
    const auto found = store_.find(job_id);
    if (!found) continue;
    const JobRecord& record = *found;
    const JobHead head = JobHead::decode(record.head);
    const JobFixed fixed = JobFixed::decode(record.fixed);
    if (head.importing) {  // what comes of it would be no whole copy
      journal_.run(job_id, [](JobLog& log) { log.abandon_import(); });
      journal_.run(job_id, [](JobLog& log) { log.drop(); });
      continue;
    }
    if (head.external) {
      if (head.cancel_requested) overdue_[record.job_id] = Clock::now() + config_.cancel_grace;
      continue;
    }
    RunDir dir = run_dir(fixed.run_id);
    if (const auto pid = dir.living_runner()) {
      const int fd = static_cast<int>(syscall(SYS_pidfd_open, *pid, 0));
      if (fd >= 0) {
        log_("job " + record.job_id + ": its runner (pid " + std::to_string(*pid) + ") lives and is adopted");
        runs_[record.job_id] = {fixed.run_id, fd};
        continue;
      }
    }
    if (head.state == State::queued && !dir.was_started()) {
      dir.remove();
      queue_.push_back(record.job_id);
      continue;
    }
    settle(record.job_id, fixed.run_id);
  }
}

void Scheduler::start() {
  started_ = true;
  thread_ = std::thread([this] { work(); });
}

void Scheduler::wake() {
  std::lock_guard lock(mutex_);
  if (event_ < 0) return;  // stopped; the journal may still finish what was queued
  const std::uint64_t one = 1;
  if (write(event_, &one, sizeof one) < 0 && errno != EAGAIN) log_("cannot wake the scheduler");
}

void Scheduler::notice(const Commit& commit) {
  {
    std::lock_guard lock(mutex_);
    if (!commit.external && commit.first == 1 && commit.state == State::queued)
      queue_.push_back(commit.job_id);
    else if (commit.external && commit.cancel_requested && !is_terminal(commit.state))
      overdue_.emplace(commit.job_id, Clock::now() + config_.cancel_grace);
    else if (commit.external && is_terminal(commit.state))
      overdue_.erase(commit.job_id);
    else
      return;
  }
  wake();
}

void Scheduler::stop(bool end_jobs) {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    if (end_jobs)
      for (const auto& [id, run] : runs_)
        if (run.pidfd >= 0) syscall(SYS_pidfd_send_signal, run.pidfd, SIGTERM, nullptr, 0);
  }
  wake();
  if (thread_.joinable()) thread_.join();
  workers_.stop();
  std::lock_guard lock(mutex_);
  for (const auto& [id, run] : runs_)
    if (run.pidfd >= 0) close(run.pidfd);
  runs_.clear();
  if (event_ >= 0) close(event_);
  event_ = -1;
}

void Scheduler::drain() {
  std::unique_lock lock(mutex_);
  queue_.clear();
  idle_.wait(lock, [this] { return runs_.empty(); });
}

void Scheduler::work() {
  auto next_retention = Clock::now();
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    start_jobs();
    end_overdue();
    if (Clock::now() >= next_retention) {
      next_retention = Clock::now() + kRetentionEvery;
      workers_.run([this] { retain(); });
    }
    wait();
  }
}

// Sleeps until there is news, a runner has ended, or an external job is overdue.
void Scheduler::wait() {
  std::vector<pollfd> fds{{event_, POLLIN, 0}};
  std::vector<std::string> jobs{""};
  auto until = Clock::now() + 60s;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [id, run] : runs_) {
      if (run.pidfd < 0) continue;
      fds.push_back({run.pidfd, POLLIN, 0});
      jobs.push_back(id);
    }
    for (const auto& [id, when] : overdue_) until = std::min(until, when);
  }
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  if (poll(fds.data(), fds.size(), static_cast<int>(std::max<std::int64_t>(0, timeout))) <= 0) return;
  std::uint64_t count = 0;
  if (fds[0].revents && read(event_, &count, sizeof count) < 0 && errno != EAGAIN) return;
  for (std::size_t i = 1; i < fds.size(); ++i) {
    if (!fds[i].revents) continue;
    siginfo_t info{};
    waitid(P_PIDFD, static_cast<id_t>(fds[i].fd), &info, WEXITED | WNOHANG);
    close(fds[i].fd);
    std::string run_id;
    {
      std::lock_guard lock(mutex_);
      runs_[jobs[i]].pidfd = -1;
      run_id = runs_[jobs[i]].run_id;
    }
    workers_.run([this, id = jobs[i], run_id] {
      settle(id, run_id);
      release(id);
    });
  }
}

void Scheduler::release(const std::string& job_id) {
  {
    std::lock_guard lock(mutex_);
    runs_.erase(job_id);
  }
  idle_.notify_all();
  wake();
}

void Scheduler::start_jobs() {
  std::lock_guard lock(mutex_);
  while (!stopping_ && !queue_.empty() && runs_.size() < config_.max_running) {
    const std::string id = queue_.front();
    queue_.pop_front();
    runs_[id];
    workers_.run([this, id] { launch(id); });
  }
}

void Scheduler::adopt(const std::string& job_id, const std::string& run_id, int pidfd) {
  {
    std::lock_guard lock(mutex_);
    runs_[job_id] = {run_id, pidfd};
  }
  wake();
}

void Scheduler::launch(const std::string& job_id) {
  try {
    const auto record = store_.find(job_id);
    if (!record || record->tombstone || record->columns.state != "queued") return release(job_id);
    const JobFixed fixed = JobFixed::decode(record->fixed);
    std::error_code error;
    if (text(fixed.request, "cwd").empty()) std::filesystem::create_directories(working_dir(fixed), error);
    const std::string provenance = provenance_.collect(fixed, working_dir(fixed));
    State state = State::queued;
    std::string log_id;
    journal_.run(job_id, [&](JobLog& log) {
      log.set_provenance(provenance);
      state = log.head().state;
      log_id = log.head().log_id;
    });
    if (state != State::queued) return release(job_id);  // canceled meanwhile
    RunDir dir = run_dir(fixed.run_id);
    dir.create(spec(fixed, log_id));
    adopt(job_id, fixed.run_id, spawn_runner(config_.runner, dir));
  } catch (const std::exception& e) {
    log_("job " + job_id + ": cannot be started: " + e.what());
    try {
      journal_.run(job_id, [&](JobLog& log) { log.finish(State::failed, "spawn_error", e.what()); });
    } catch (const std::exception& again) {
      log_("job " + job_id + ": " + again.what());
    }
    release(job_id);
  }
}

std::map<std::string, std::string> Scheduler::job_environment(const JobFixed& job) const {
  auto out = config_.environment;
  if (job.tool.is_object() && job.tool.contains("env"))
    for (const auto& [key, value] : job.tool.at("env").items()) out[key] = value.get<std::string>();
  if (job.request.contains("env"))
    for (const auto& [key, value] : job.request.at("env").items()) out[key] = value.get<std::string>();
  if (job.request.contains("task")) out["DOMED_TASK_JSON"] = job.request.at("task").dump();
  return out;
}

Json Scheduler::spec(const JobFixed& job, const std::string& log_id) const {
  const Json& from = job.tool.is_object() ? job.tool : job.request;
  double timeout_s = job.request.value("timeout_s", 0.0);
  if (timeout_s == 0 && job.tool.is_object()) timeout_s = job.tool.value("timeout_s", 0.0);
  return {{"job_id", job.job_id},
          {"run_id", job.run_id},
          {"log_id", log_id},
          {"producer_id", "runner"},
          {"producer_token", job.producer_token},
          {"job_token", job.job_token()},
          {"control", config_.control},
          {"command", from.at("command")},
          {"cwd", working_dir(job)},
          {"env", job_environment(job)},
          {"timeout_ms", static_cast<std::int64_t>(timeout_s * 1000)},
          {"cancel_grace_ms", config_.cancel_grace.count()},
          {"drain_ms", config_.drain.count()},
          {"max_output", config_.max_output},
          {"durable", store_.durability() != Durability::none},
          {"give_up_ms", kGiveUpMs}};
}

void Scheduler::import_spool(const JobFixed& job, const RunDir& dir) {
  dir.read_spool([&](const std::string& line) {
    try {
      AppendRequest request = read_append(compact_json(line));
      if (request.ends()) request.batch.provenance_end = provenance_.collect_end(job, working_dir(job));
      journal_.run(job.job_id, [&](JobLog& log) {
        AppendResult result;
        log.append(request.batch, true, result);
      });
    } catch (const ApiError& e) {
      if (e.name() != "E_SEALED") log_("job " + job.job_id + ": its spool: " + e.what());
    } catch (const Error& e) {
      log_("job " + job.job_id + ": its spool: " + e.what());
    }
  });
}

// Brings a job whose runner is gone to its end.
void Scheduler::settle(const std::string& job_id, const std::string& run_id) try {
  RunDir dir = run_dir(run_id);
  auto record = store_.find(job_id);
  const bool over = !record || record->tombstone || !record->columns.unfinished;
  if (!over) {
    const JobFixed fixed = JobFixed::decode(record->fixed);
    import_spool(fixed, dir);
    record = store_.find(job_id);
    if (record && record->columns.unfinished) {
      const std::size_t left = kill_leftovers(run_id);
      log_("job " + job_id + ": its runner is gone without an exit record; " + std::to_string(left) + " processes were left");
      journal_.run(job_id, [](JobLog& log) {
        log.finish(State::failed, "lost", "the process that supervised the command ended without a word");
      });
    }
  }
  dir.remove();
} catch (const std::exception& e) {
  log_("job " + job_id + ": cannot be brought to its end now: " + e.what());
}

void Scheduler::end_overdue() {
  std::vector<std::string> ids;
  {
    std::lock_guard lock(mutex_);
    for (auto it = overdue_.begin(); it != overdue_.end();) {
      const bool due = it->second <= Clock::now();
      if (due) ids.push_back(it->first);
      it = due ? overdue_.erase(it) : std::next(it);
    }
  }
  for (const auto& id : ids) {
    try {
      journal_.run(id, [](JobLog& log) {
        log.finish(State::canceled, "cancel", "its producer did not end it within cancel_grace");
      });
    } catch (const std::exception& e) {
      log_("job " + id + ": cannot be canceled now: " + e.what());
    }
  }
}

void Scheduler::retain() try {
  const std::int64_t now = environment_.now();
  std::int64_t cutoff = config_.keep_finished.count() ? now - config_.keep_finished.count() : 0;
  ListQuery query;
  query.limit = 1000;
  std::uint64_t kept = 0;
  for (auto page = store_.list(query); !page.empty(); page = store_.list(query)) {
    for (const auto& record : page) {
      const bool surplus = config_.keep_jobs && ++kept > config_.keep_jobs;
      const bool old = record.columns.created < cutoff;
      if (!record.columns.unfinished && (surplus || old)) delete_job(record);
    }
    query.before = page.back().columns.created;
  }
  drop_tombstones(now - config_.keep_tombstones.count());
} catch (const std::exception& e) {
  log_(std::string("retention: ") + e.what());
}

// By the time of the purge: it is from then on that a repeated request must be recognised.
void Scheduler::drop_tombstones(std::int64_t before) {
  if (!config_.keep_tombstones.count()) return;
  ListQuery query;
  query.tombstones = true;
  for (auto page = store_.list(query); !page.empty(); page = store_.list(query)) {
    for (const auto& record : page)
      if (JobHead::decode(record.head).purged < before)
        journal_.run(record.job_id, [](JobLog& log) { log.drop(); });
    query.before = page.back().columns.created;
  }
}

void Scheduler::delete_job(const JobRecord& record) {
  Journal::Command command;
  command.job_id = record.job_id;
  command.exclusive = true;
  command.apply = [](JobLog& log, bool) {
    log.purge();
    return true;
  };
  command.done = [](std::exception_ptr) {};
  journal_.submit(std::move(command));
  forget(record.job_id);
}

void Scheduler::forget(const std::string& job_id) const {
  std::error_code ignored;
  std::filesystem::remove_all(scratch(job_id), ignored);
}

}  // namespace domed

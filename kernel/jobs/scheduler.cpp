#include "jobs/scheduler.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <latch>
#include <utility>

#include "jobs/launch.h"
#include "jobs/retries.h"
#include "jobs/whose.h"
#include "log/records.h"

namespace domed {
namespace {

using namespace std::chrono_literals;
constexpr auto kRetentionEvery = 10min;
constexpr const char* kRetention = "retention";

void tell_to_end(int pidfd) {
  syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, nullptr, 0);
}

// Reaps the runner, whose process has ended.
bool ended_well(int pidfd) {
  siginfo_t info{};  // waitid fails for an adopted one, which is nobody's child here
  waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG);
  return info.si_pid != 0 && info.si_code == CLD_EXITED && info.si_status == 0;
}

OwnPolicy policy_of(OwnPolicy policy, const NodeLease* lease) {
  policy.is_alone = !lease;
  return policy;
}

}  // namespace

Scheduler::Scheduler(Store& store, Journal& journal, Environment& environment,
                     const Provenance& provenance, SchedulerConfig config, JobsLog log,
                     Troubles& troubles)
    : config_(std::move(config)),
      settings_(config_.run),
      kept_(config_.retention),
      policy_(policy_of(config_.policy, config_.lease)),
      looks_(provenance, settings_),
      context_{store,
               journal,
               environment,
               provenance,
               looks_,
               config_,
               settings_,
               std::move(log),
               troubles,
               [this] { return stopping(); },
               [this](const std::string& queue) {
                 return locked([&] { return plan_.limit_of(queue); });
               },
               [this](const JobHead& head, const JobFixed& fixed) {
                 return !why_not_here(head, fixed, *policy_.now()).empty();
               }},
      retention_(store, journal, config_.retention,
                 [this](const std::string& line) { context_.log(Level::warning, line); }),
      plan_(config_),
      workers_(std::clamp<std::size_t>(config_.max_running, 2, 8)) {}

void Scheduler::use(const SchedulerConfig& config) {
  settings_.become(config.run);
  kept_.become(config.retention);
  policy_.become(policy_of(config.policy, config_.lease));
  if (config_.lease) look_again();  // at what was passed over
  locked([&] { plan_.use(config); });
  alarm_.ring();
  if (config_.lease) workers_.run([this] { look_at_slots(); });  // a queue may have its first limit
}

void Scheduler::forget(const std::string& job_id) const {
  std::error_code ignored;
  std::filesystem::remove_all(scratch_dir(config_.run, job_id), ignored);
}

// First the jobs: whose runs are needed is known when each is settled, or its runner adopted.
void Scheduler::recover(const std::function<void(const std::string&, const JobHead&)>& seen) {
  std::vector<std::string> orphans;
  const Runners living(config_.runner);
  for (const auto& job_id : unfinished_jobs(context_.store)) try {
      const auto job = take_over(context_, living, job_id);
      if (!job) continue;
      if (config_.lease) saw_unfinished(job_id);
      locked([&] { plan_.take_over(*job, Clock::now()); });
      if (job->what == Takeover::settle) orphans.push_back(job_id);
      if (job->what != Takeover::drop && job->what != Takeover::retry) seen(job_id, job->head);
    } catch (const std::exception& e) {
      leave_alone(job_id, e);
    }
  settle_all(orphans);
  if (config_.lease) look_at_slots();
  strays_ = sweep(context_, living, locked([&] { return plan_.runs(); }));
  if (!strays_.empty()) strays_due_ = Clock::now() + config_.patience();
}

void Scheduler::settle_all(const std::vector<std::string>& job_ids) {
  std::latch settled(static_cast<std::ptrdiff_t>(job_ids.size()));
  for (const auto& id : job_ids)
    workers_.run([&, id] {
      attempt(id, Step::settle);
      settled.count_down();
    });
  settled.wait();
}

void Scheduler::start(std::vector<std::string> control) {
  control_ = std::move(control);
  thread_ = std::thread([this] { work(); });
}

void Scheduler::notice(const Commit& commit) {
  if (commit.state != State::queued || commit.gone) {
    looks_.forget(commit.job_id);
    passed_over_.forget(commit.job_id);
  }
  const bool news = locked([&] {
    if (commit.ended || commit.gone) over_.push_back(commit.job_id);
    return plan_.notice(commit, Clock::now());
  });
  if (news) alarm_.ring();
}

// Its end comes later than planned: the thread need not hear of it.
void Scheduler::heard(const std::string& job_id) {
  locked([&] { plan_.heard(job_id, Clock::now()); });
}

void Scheduler::stop(bool end_jobs) {
  locked([&] {
    stopping_ = true;
    plan_.close();
    end_runners_ = end_runners_ || end_jobs;
    if (end_jobs)
      for (const auto& [id, pidfd] : plan_.pidfds()) tell_to_end(pidfd);
  });
  idle_.notify_all();
  alarm_.ring();
  if (thread_.joinable()) thread_.join();
  workers_.stop();
  looks_.stop();
  locked([&] { plan_.forget_slots(); });
}

bool Scheduler::drain(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  plan_.close();
  return idle_.wait(lock, stop, [this] { return plan_.is_idle() || stopping_; });
}

// Only wait() sleeps: what is not due yet is due in a later round.  end_jobs() and make_retries()
// commit, so that a store which hangs holds up what comes after them, and no worker.
void Scheduler::work() {
  auto next_retention = Clock::now();
  while (!stopping()) {
    line_up();
    take_steps();
    end_jobs();
    end_overdue();
    end_strays();
    make_retries();
    // Whatever it was that could not be done for a job, it is not tried any more.
    for (const auto& id : locked([&] { return std::exchange(over_, {}); })) could(id);
    if (Clock::now() >= next_retention) {
      next_retention = Clock::now() + kRetentionEvery;
      workers_.run([this] { retain(); });
    }
    wait();
  }
}

// Sleeps until there is news, a runner has ended, or something is due.  A pidfd that is polled
// stays open meanwhile: only this thread takes a runner from its slot.
void Scheduler::wait() {
  std::map<std::string, int> pidfds;
  auto until = strays_due_;
  locked([&] {
    pidfds = plan_.pidfds();
    until = std::min(until, plan_.next(context_.environment.now(), Clock::now()));
  });
  for (const auto& id : alarm_.sleep(pidfds, until)) {
    const bool well = ended_well(pidfds.at(id));
    locked([&] { plan_.runner_ended(id, well); });
    workers_.run([this, id] { attempt(id, Step::settle); });
  }
}

void Scheduler::line_up() {
  for (const auto& id : locked([&] { return plan_.take_arrivals(); })) try {
      std::optional<Offered> passed_over;
      const auto policy = policy_.now();
      const auto job =
          waiting_job(context_.store, id, context_.environment.now(), *policy, &passed_over);
      passed_over ? passed_over_.saw(id, *passed_over) : passed_over_.forget(id);
      look_at_needs(locked([&] { return plan_.line_up(id, job, Clock::now()); }));
      could(id);
    } catch (const std::exception& e) {
      cannot(id, "queued", e);
      locked([&] { plan_.arrival_failed(id, e.what()); });
    }
}

void Scheduler::look_at_needs(const std::set<std::string>& needs) {
  const auto replaced = [this](const std::string& id, const std::string& by) {
    locked([&] { plan_.need_replaced(id, by); });
  };
  for (const auto& id : needs) {
    const Need need = need_of(context_.store, id, replaced);
    if (need.word == Need::Word::open) continue;
    const bool succeeded = need.word == Need::Word::succeeded;
    locked([&] { plan_.need_ended(need.job_id, succeeded, Clock::now()); });
  }
}

void Scheduler::take_steps() {
  const std::int64_t wall = context_.environment.now();
  const bool may_start = !is_draining();
  const auto steps = locked([&] {
    plan_.let_start(may_start);
    return plan_.take_steps(wall, Clock::now());
  });
  for (const auto& [id, step] : steps)
    workers_.run([this, job_id = id, next = step] { attempt(job_id, next); });
}

// On a worker.  The job keeps its slot until the step succeeds.
void Scheduler::attempt(const std::string& job_id, Step step) {
  StepOutcome outcome;
  try {
    outcome = take_step(job_id, step);
  } catch (const std::exception& e) {
    if (stopping()) return;  // the next daemon takes it from here
    const auto* error = dynamic_cast<const Error*>(&e);
    if (error && error->code() == Code::corruption) {
      leave_alone(job_id, e);
    } else {
      cannot(job_id, step == Step::launch ? "started" : "brought to its end", e);
      const bool no_room = step == Step::launch && error && error->code() == Code::exhausted;
      locked([&] { plan_.step_failed(job_id, step, e.what(), no_room, Clock::now()); });
      return alarm_.ring();
    }
  }
  could(job_id);
  if (outcome.next == StepOutcome::Next::release || outcome.next == StepOutcome::Next::line_up)
    give_back_slot(job_id);
  locked([&] {
    if (outcome.next == StepOutcome::Next::watch && end_runners_)
      tell_to_end(outcome.runner.pidfd.get());
    plan_.step_done(job_id, std::move(outcome), Clock::now());
  });
  idle_.notify_all();
  alarm_.ring();
}

StepOutcome Scheduler::take_step(const std::string& job_id, Step step) {
  if (step == Step::launch)
    return launch(context_, control_, job_id,
                  [this](const JobFixed& job) { locked([&] { plan_.begin(job); }); });
  const Ended run = locked([&] { return plan_.ended(job_id); });
  return settle(context_, run, [&] { return locked([&] { return plan_.verdict(job_id); }); });
}

void Scheduler::end_jobs() {
  const auto due = locked([&] { return plan_.endings().due(Clock::now()); });
  for (const auto& job : due) {
    const std::string& id = job.first;
    const Endings::Ending& ending = job.second;
    try {
      // Asked again where nothing of the job can come in between: its producer may have spoken.
      bool is_due = false;
      std::optional<std::string> found;
      context_.journal.run(id, [&](JobLog& log) {
        const std::string revision = config_.lease ? log.stored_revision() : "";
        is_due = locked([&] { return plan_.endings().is_due(id, Clock::now(), revision); });
        // Another node changed it this moment: that may be the word that was waited for.
        if (found && *found != log.stored_revision()) is_due = false;
        found = log.stored_revision();
        if (is_due) log.finish(ending.to, ending.reason, ending.message);
      });
      if (!is_due && config_.lease)
        locked([&] { plan_.endings().postpone(id, Clock::now() + config_.retry); });
      if (!is_due) continue;
      locked([&] { plan_.endings().ended(id); });
      could(id);
    } catch (const std::exception& e) {
      cannot(id, "ended", e);
      locked([&] { plan_.endings().refused(id, Clock::now() + config_.retry); });
    }
  }
}

void Scheduler::end_overdue() {
  for (const auto& id : locked([&] { return plan_.take_overdue(Clock::now()); }))
    workers_.run([this, id] {
      try {
        const auto run = locked([&] { return plan_.overdue(id); });
        if (run) domed::end_overdue(context_, *run);
        could(id);
      } catch (const std::exception& e) {
        cannot(id, "ended", e);
      }
    });
}

void Scheduler::end_strays() {
  if (Clock::now() < strays_due_) return;
  strays_due_ = Clock::time_point::max();
  workers_.run([this, strays = std::exchange(strays_, {})] {
    for (const auto& stray : strays) end_stray(context_, stray);
  });
}

void Scheduler::make_retries() {
  for (const auto& id : locked([&] { return plan_.retries(); })) try {
      make_next_attempt(context_, id);
      locked([&] { plan_.retry_made(id); });
      could(id);
    } catch (const std::exception& e) {
      cannot(id, "submitted once more", e);
    }
}

// A pass that takes longer than the time between two is not overtaken.
void Scheduler::retain() try {
  const std::unique_lock lock(retention_mutex_, std::try_to_lock);
  if (!lock || (config_.lease && !config_.lease->has_duty(kRetention))) return;
  retention_.limit(*kept_.now());
  retention_.run(
      context_.environment.now(), Clock::now(), [this](const std::string& id) { forget(id); },
      [this] { return stopping(); });
} catch (const std::exception& e) {
  context_.log(Level::error, std::string("retention: ") + e.what());
}

void Scheduler::cannot(const std::string& job_id, const std::string& what,
                       const std::exception& why) {
  context_.troubles.met("job " + job_id,
                        "cannot be " + what + " now and is tried again: " + why.what(),
                        Troubles::Clock::now());
}

void Scheduler::could(const std::string& job_id) {
  context_.troubles.over("job " + job_id, Troubles::Clock::now());
}

void Scheduler::leave_alone(const std::string& job_id, const std::exception& why) {
  context_.log(Level::error,
               "job " + job_id + " is left alone, its record cannot be read: " + why.what());
}

}  // namespace domed

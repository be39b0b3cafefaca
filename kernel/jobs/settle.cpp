#include "jobs/settle.h"

#include <algorithm>

#include "jobs/leftovers.h"
#include "jobs/lineup.h"
#include "jobs/runners.h"
#include "jobs/spool_import.h"
#include "jobs/whose.h"
#include "log/token.h"
#include "system/cgroup.h"

namespace domed {
namespace {

// Of the processes that could not be killed; "" where there are none.
std::string said_of(const Leftovers& left) {
  if (left.alive.empty()) return "";
  std::string out =
      "; " + std::to_string(left.alive.size()) + " of its processes cannot be killed, such as";
  for (const pid_t pid : left.alive)
    if (out.size() < 200) out += " " + std::to_string(pid);
  return out;
}

// Another runner than the one that ended, if any did: of two that were started one goes at once.
std::optional<Runner> living_runner(const JobsContext& context, const RunDir& dir) {
  for (const auto& process : Runners(context.config.runner).of(dir))
    if (Fd pidfd = open_process(process)) return Runner{std::move(pidfd), process};
  return std::nullopt;
}

// "rest": what is to be said of processes that are left.
void finish(const JobsContext& context, const JobHead& head, const JobFixed& job, const RunDir& dir,
            const std::string& rest,
            const std::function<std::optional<Deadlines::Verdict>()>& verdict_of) {
  const std::string refused = import_spool(context, head, job, dir);
  const auto verdict = verdict_of();
  std::string why =
      verdict ? verdict->message : "the process that supervised the command ended without a word";
  const std::string last_words = dir.last_words();
  if (!last_words.empty()) why += "; its last words: " + last_words;
  if (!refused.empty()) why += "; its spool: " + refused;
  bool unfinished = false;  // the spool had its end, mostly
  context.journal.run(job.job_id, [&](JobLog& log) {
    unfinished = !is_terminal(log.head().state) && is_still(context, head, log.head());
    if (!unfinished) return;
    log.finish(verdict ? verdict->to : State::failed, verdict ? verdict->reason : "lost",
               why + rest);
  });
  if (unfinished)
    context.log(Level::warning,
                "job " + job.job_id + (verdict ? " is ended: " : " is lost: ") + why + rest);
}

}  // namespace

StepOutcome settle(const JobsContext& context, const Ended& run,
                   const std::function<std::optional<Deadlines::Verdict>()>& verdict) {
  RunDir dir(run_path(context.config.run, run.run_id));
  const auto record = context.store.find(run.job_id);
  // One that was taken from us is over for us: what is left here of its run is in nobody's way.
  const auto head = record && !record->tombstone ? std::optional(head_of(*record)) : std::nullopt;
  const bool is_gone = head && !is_ours(context, *head);
  const bool over = !head || is_over(*record) || is_gone;
  if (!(over && run.well)) {
    if (auto runner = living_runner(context, dir)) {
      context.log(Level::info, "job " + run.job_id + ": its runner lives and is adopted");
      return {StepOutcome::Next::watch, std::move(*runner)};
    }
    // Against a runner that only begins.  Whoever else has it changes nothing.
    const auto lock = dir.lock();
    if (!lock && processes_are_hidden()) return {StepOutcome::Next::look_again, {}};
    const auto fixed = head ? std::optional(fixed_of(*record)) : std::nullopt;
    const auto token = fixed && !is_gone ? run_token_of(*head, *fixed) : std::nullopt;
    const std::string rest = kill_rest(context, run.job_id, run.run_id, token);
    if (!over) finish(context, *head, *fixed, dir, rest, verdict);
  }
  dir.remove();  // last: what the next daemon needs, were this one to die before
  if (is_gone && head->state == State::queued) return {StepOutcome::Next::line_up, {}};
  return {};
}

void end_overdue(const JobsContext& context, const Overdue& run) {
  const RunSettings& settings = context.config.run;
  auto runners = Runners(context.config.runner).of(RunDir(run_path(settings, run.run_id)));
  const auto same = [&](const Process& process) { return process.pid == run.runner.pid; };
  if (run.runner.pid > 0 && std::none_of(runners.begin(), runners.end(), same))
    runners.push_back(run.runner);
  if (runners.empty()) return;  // it is being settled
  context.log(Level::warning,
              "job " + run.job_id + ": its runner is mute and is killed, with all below it");
  const std::string rest = said_of(kill_run(runners, Cgroup(cgroup_of(settings, run.run_id))));
  if (rest.empty() || !run.verdict) return;
  context.journal.run(run.job_id, [&](JobLog& log) {
    if (is_ours(context, log.head()))
      log.finish(run.verdict->to, run.verdict->reason, run.verdict->message + rest);
  });
}

std::string kill_rest(const JobsContext& context, const std::string& job_id,
                      const std::string& run_id, const std::optional<Digest>& token) {
  const RunSettings& settings = context.config.run;
  const Cgroup cgroup(cgroup_of(settings, run_id));
  cgroup.kill();
  const Leftovers left = kill_leftovers(RunDir(run_path(settings, run_id)), run_id, token);
  cgroup.remove();
  if (!left.killed.empty())
    context.log(Level::warning, "job " + job_id + ": killed " + std::to_string(left.killed.size()) +
                                    " processes that its dead runner left");
  return said_of(left);
}

bool processes_are_hidden() {
  return identify(1).start_time == 0;
}

}  // namespace domed

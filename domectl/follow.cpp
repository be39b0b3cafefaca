#include <unistd.h>

#include <memory>
#include <stop_token>

#include "domectl/context.h"
#include "domectl/follow_many.h"
#include "domectl/interrupt.h"
#include "domectl/outcome.h"
#include "domectl/selection.h"
#include "domectl/view.h"
#include "domectl/watch.h"

namespace domed::ctl {
namespace {

struct Following {
  Selection which;
  std::string job, log_id;
  View view;
  bool all = false;
  bool no_follow = false, polls = false, events = false, no_output = false, exit_code = false;
};

Printer::Options printing(const Context& context, const Following& given) {
  Printer::Options options;
  // Pictures for people only where a terminal is: what is piped is the job's output and nothing
  // else, as if it had been run here.
  options.form = context.json                                    ? Printer::Form::lines
                 : !given.view.raw && is_terminal(STDOUT_FILENO) ? Printer::Form::people
                                                                 : Printer::Form::output;
  options.other_events = given.events;
  options.no_output = given.no_output;
  options.view = &given.view;
  return options;
}

// The resumed follow is to go on as this one did.
std::string flags_of(const Context& context, const Following& given) {
  std::string out;
  if (given.polls) out += " --polls";
  if (given.events) out += " --events";
  if (given.no_output) out += " --no-output";
  View rest = given.view;
  rest.since.clear(), rest.tail.reset();  // that is where it came to
  for (const auto& flag : flags_of(rest)) out += " " + shell_word(flag);
  if (given.exit_code) out += " --exit-code";
  if (context.json) out += " --json";
  return out;
}

// How a job ended, empty where it has not, and which job tries it again.
struct Ended {
  std::string outcome, next;
};

// The end may stand before where the follow began, or not have come yet.
Ended end_of(Context& context, const std::string& job, const Watch& watch, std::stop_token stop) {
  if (!watch.outcome().empty()) return {watch.outcome(), watch.next_attempt()};
  CallOptions options;
  options.stop = std::move(stop);
  Json status = context.client().call("GetJobStatus", {{"job_id", job}}, options);
  const std::string state = status.value("state", "");
  if (!is_terminal_state(state)) return {};
  status["to"] = state;
  return {status.dump(), status.value("retried_by", "")};
}

int follow(Context& context, const Following& given) {
  FollowOptions options;
  options.job_id = given.job;
  options.log_id = given.log_id;
  options.follow = !given.no_follow;
  options.use_frames = !given.polls;
  context.client();  // before the signals are taken
  Range range = range_of(context, given.job, given.view);
  options.since_seq = range.since_seq;
  options.deadline = range.deadline;
  if (options.log_id.empty()) options.log_id = range.log_id;
  for (;;) {
    std::unique_ptr<Watch> watch;
    // Behind "watch", of which its hook speaks: so it ends before that does.  Made anew for each
    // attempt, as the signal that ended one is used up.
    const StopBySignal stop(
        [&watch] {
          if (watch) watch->say_resume("resume with: ");
        },
        true);
    options.stop = stop.token();
    watch = std::make_unique<Watch>(context, options, printing(context, given), false,
                                    flags_of(context, given), range.until_seq);
    if (watch->run() == FollowEnd::stopped) {
      if (stop.code() != kReaderGone) watch->say_resume("resume with: ");
      return stop.code();
    }
    // The follow did what it was asked for, however the job ended: a pipe of "follow | grep" is not
    // to fail for a job's code.
    if (!given.exit_code) return 0;
    const Ended ended = end_of(context, options.job_id, *watch, stop.token());
    if (ended.next.empty()) {
      if (ended.outcome.empty()) note("the job has not ended: it has no exit code yet");
      return exit_code_of(ended.outcome);
    }
    note("it is tried again as job " + ended.next);
    options.job_id = ended.next;
    options.since_seq = 0;
    range.until_seq = UINT64_MAX;
    // Another job has another log, which begins at its beginning.
    options.log_id.clear();
    context.status_of(options.job_id, stop.token());  // it is made just after the other's end
  }
}

int several(Context& context, const Following& given) {
  if (!given.log_id.empty()) throw UsageError("--log-id is for one job");
  if (given.all && !given.which.jobs.empty()) throw UsageError("either JOBs or --all, not both");
  ManyJobs many{{}, given.which.filter, given.all, given.exit_code, !given.no_follow, !given.polls};
  if (!given.all) many.jobs = selected(context, given.which, {"follow", {"queued", "running"}});
  return follow_many(context, many, printing(context, given));
}

}  // namespace

void add_follow(CLI::App& app, Context& context) {
  const auto given = std::make_shared<Following>();
  CLI::App* verb = app.add_subcommand("follow", "Show the events of jobs, and those to come");
  add_selection(*verb, given->which);
  verb->add_flag(
      "-a,--all", given->all,
      "Those that are not over, and whatever comes; where a filter says so, those alone");
  add_view_options(*verb, given->view);
  verb->add_option("--log-id", given->log_id, "Refuse any other log than this one");
  verb->add_flag("--no-follow", given->no_follow, "End at the newest event there is now");
  verb->add_flag("--polls", given->polls, "Use long polls alone, no events socket");
  verb->add_flag("--events", given->events, "Show other events than output too, on stderr");
  verb->add_flag("--no-output", given->no_output, "Show nothing but other events than output")
      ->excludes("--events");
  verb->add_flag(
      "--exit-code", given->exit_code,
      "Exit as 'domectl run' would: what is tried again is followed to its last attempt; 125 "
      "where the job has not ended");
  verb->footer(
      "On a terminal events are shown for people; piped, the job's output comes out byte for\n"
      "byte, stdout and stderr apart; with --json each event line exactly as the daemon keeps it.\n"
      "Of several jobs each line has the job's name before it, and it ends when all are over.\n"
      "Who interrupts that of one job is shown the command that resumes it, behind the last event\n"
      "that was written as a whole.  It ends quietly with 141 as soon as its reader is gone.\n\n"
      "Examples:\n"
      "  domectl follow @last --tail 20\n"
      "  domectl follow build test deploy\n"
      "  domectl follow --all --label branch=main\n"
      "  domectl follow 1f3a... --json --since 120 | jq .payload");
  verb->callback([&context, given] {
    context.action = [&context, given] {
      check_view(given->view);
      if (given->all || given->which.several()) return several(context, *given);
      given->job = given->which.jobs.front();
      return context.with_job(given->job, [&](const std::string& id) {
        given->job = id;
        return follow(context, *given);
      });
    };
  });
}

}  // namespace domed::ctl

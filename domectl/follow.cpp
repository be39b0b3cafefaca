#include <stop_token>

#include "domectl/context.h"
#include "domectl/interrupt.h"
#include "domectl/outcome.h"
#include "domectl/watch.h"

namespace domed::ctl {
namespace {

struct Following {
  std::string job, log_id;
  std::uint64_t since = 0;
  bool no_follow = false, polls = false, events = false, raw = false, exit_code = false;
};

Printer::Options printing(const Context& context, const Following& given) {
  Printer::Options options;
  options.form = context.json                        ? Printer::Form::lines
                 : !given.raw && is_terminal(stdout) ? Printer::Form::people
                                                     : Printer::Form::output;
  options.other_events = given.events;
  return options;
}

std::string flags_of(const Context& context, const Following& given) {
  std::string out;
  if (given.polls) out += " --polls";
  if (given.events) out += " --events";
  if (given.raw) out += " --raw";
  if (given.exit_code) out += " --exit-code";
  if (context.json) out += " --json";
  return out;
}

// The end may stand before where the follow began, or not have come yet.
std::string outcome_of(Context& context, const std::string& job) {
  Json status = context.client().call("GetJobStatus", {{"job_id", job}});
  const std::string state = status.value("state", "");
  if (state == "queued" || state == "running") return "";
  status["to"] = state;
  return status.dump();
}

int follow(Context& context, const Following& given) {
  std::stop_source stop;
  FollowOptions options;
  options.job_id = given.job;
  options.since_seq = given.since;
  options.log_id = given.log_id;
  options.follow = !given.no_follow;
  options.use_frames = !given.polls;
  options.stop = stop.get_token();
  Watch watch(context, options, printing(context, given), false, flags_of(context, given));
  const Interrupt interrupt([&stop](int) { stop.request_stop(); });
  if (watch.run() == FollowEnd::stopped) {
    note("resume with: " + watch.resume_command());
    return kCanceled;
  }
  if (!given.exit_code) return 0;
  const std::string outcome =
      watch.outcome().empty() ? outcome_of(context, given.job) : watch.outcome();
  if (outcome.empty()) note("the job has not ended: it has no exit code yet");
  return exit_code_of(outcome);
}

}  // namespace

void add_follow(CLI::App& app, Context& context) {
  const auto given = std::make_shared<Following>();
  CLI::App* verb = app.add_subcommand("follow", "Show a job's events, and those to come");
  verb->add_option("JOB", given->job, "The job's id")->required();
  verb->add_option("--since", given->since, "Begin after this seq")->type_name("SEQ");
  verb->add_option("--log-id", given->log_id, "Refuse any other log than this one");
  verb->add_flag("--no-follow", given->no_follow, "End at the newest event there is now");
  verb->add_flag("--polls", given->polls, "Use long polls alone, no events socket");
  verb->add_flag("--events", given->events, "Show other events than output too, on stderr");
  verb->add_flag("--raw", given->raw, "On a terminal too: the job's output byte for byte");
  verb->add_flag("--exit-code", given->exit_code,
                 "Exit as 'domectl run' would; 125 where the job has not ended");
  verb->footer(
      "On a terminal events are shown for people; piped, the job's output comes out byte for\n"
      "byte, stdout and stderr apart; with --json each event line exactly as the daemon keeps "
      "it.\n\n"
      "Examples:\n"
      "  domectl follow 1f3a...\n"
      "  domectl follow 1f3a... --json --since 120 | jq .payload");
  verb->callback([&context, given] {
    context.action = [&context, given] { return follow(context, *given); };
  });
}

}  // namespace domed::ctl

// A job's terminal, taken up again from another one.
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <stop_token>

#include "domectl/arguments.h"
#include "domectl/context.h"
#include "domectl/interrupt.h"
#include "domectl/keyboard.h"
#include "domectl/outcome.h"
#include "domectl/selection.h"
#include "domectl/view.h"
#include "domectl/watch.h"

namespace domed::ctl {
namespace {

struct Attaching {
  std::string job;
  std::optional<std::size_t> tail;
};

// The socket at which one types for the job.  Throws UsageError where nobody could, or not here.
std::string typing_socket(const std::string& job_id, const Json& status) {
  const auto refuse = [&](const std::string& why) {
    throw UsageError("job '" + job_id + "' " + why);
  };
  const std::string state = status.value("state", "");
  if (is_terminal_state(state)) refuse("is over: 'domectl logs --raw' shows what it wrote");
  if (!status.contains("tty"))
    refuse("has no terminal, which 'run --tty' gives: 'domectl follow' shows what it writes");
  std::string socket = status.value("terminal", "");
  const auto directory = std::filesystem::path(socket).parent_path();
  if (socket.empty() || (state == "running" && access(directory.c_str(), X_OK) != 0))
    refuse("has its terminal where the daemon is, for the daemon's user alone (" + socket +
           "): 'domectl follow --raw' shows what it writes");
  return socket;
}

int attach(Context& context, const std::string& job_id, const Attaching& given) {
  if (context.json || !Keyboard::there())
    throw UsageError("'attach' needs a terminal: 'domectl follow' shows what the job writes");
  const Json status = context.client().call("GetJobStatus", {{"job_id", job_id}});
  const std::string socket = typing_socket(job_id, status);
  View view;
  view.raw = true;
  view.tail = given.tail.value_or(rows_of_terminal(STDOUT_FILENO));
  const Range range = range_of(context, job_id, view);
  if (status.value("state", "") == "queued") note("the job is queued: its terminal comes with it");
  note("Enter ~ . leaves it alone");
  std::stop_source left;
  const StopBySignal stop({}, true);
  const std::stop_callback by_signal(stop.token(), [&left] { left.request_stop(); });
  FollowOptions options;
  options.job_id = job_id;
  options.log_id = range.log_id;
  options.since_seq = range.since_seq;
  options.stop = left.get_token();
  Printer::Options printing;
  printing.form = Printer::Form::output;
  Watch watch(context, options, printing, false, " --raw");
  FollowEnd end;
  {
    const Keyboard keyboard(
        socket, [&left] { left.request_stop(); }, true);
    end = watch.run();
  }
  if (stop.stopped()) return stop.code();
  if (end == FollowEnd::stopped) {
    note("left alone; come back with: domectl " + context.endpoint_option + "attach " +
         shell_word(job_id));
    return 0;
  }
  if (const std::string text = outcome_text(watch.outcome()); !text.empty())
    note("job " + job_id + " " + text);
  return exit_code_of(watch.outcome());
}

}  // namespace

void add_attach(CLI::App& app, Context& context) {
  const auto given = std::make_shared<Attaching>();
  CLI::App* verb = app.add_subcommand("attach", "Take up the terminal of a job that has one");
  verb->add_option("JOB", given->job, kJobHelp)->required();
  verb->add_option_function<std::size_t>(
          "-n,--tail", [given](const std::size_t& lines) { given->tail = lines; },
          "How many lines of what it wrote to show first (default: a screen)")
      ->type_name("N")
      ->check(whole_number(0, 1'000'000));
  verb->footer(
      "For jobs of 'run --tty' and 'submit --tty', on the daemon's machine and as its user.  Keys "
      "go "
      "to\n"
      "the job, Ctrl-C too, and so does the window's size; who attached before types no more, and\n"
      "still sees.  Enter ~ . leaves the job alone.  Ends with the job, and exits as it did.\n\n"
      "Example:\n  domectl submit --tty --name debug -- gdb ./server; domectl attach debug");
  verb->callback([&context, given] {
    context.action = [&context, given] {
      context.failure = kOwnFailure;
      return context.with_job(given->job,
                              [&](const std::string& id) { return attach(context, id, *given); });
    };
  });
}

}  // namespace domed::ctl

// What jobs wrote, and nothing else.
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/units.h"
#include "base/words.h"
#include "client/event_line.h"
#include "client/follower.h"
#include "domectl/context.h"
#include "domectl/event_times.h"
#include "domectl/interrupt.h"
#include "domectl/printer.h"
#include "domectl/screen_line.h"
#include "domectl/selection.h"
#include "domectl/view.h"
#include "domectl/watch.h"

namespace domed::ctl {
namespace {

struct Reading {
  Selection which;
  View view;
  bool follow = false;
};

// Prints the output among a job's events, as it was asked for.
class Reader {
 public:
  Reader(Context& context, const std::string& job_id, const View& view)
      : view_(view),
        json_(context.json),
        clean_(!view.raw && is_terminal(STDOUT_FILENO)),
        colours_(Colours::of(STDOUT_FILENO).on()),
        shown_([&context, job_id] { return created_at(context, job_id); }) {}

  void take(std::string_view line) {
    const auto event = read_event_line(line);
    if (!event) return;
    if (event->type == "stream_end" && !json_) end_ = stream_end_note(event->payload);
    if (!end_.empty()) note(std::exchange(end_, {}));
    if (event->type != "log") return;
    const auto output = read_output(event->payload);
    if (!output) return;
    streams_.insert(output->stream);
    if (!shows(view_, *output)) return;
    if (json_)
      put_json(out(), line);
    else
      view_.times ? with_time(*event, *output) : put(shown(output->bytes));
  }

  // Said where nothing can have been shown, as no job of domed's has such a stream by itself.
  void check_stream() const {
    if (view_.stream.empty() || streams_.contains(view_.stream) || view_.stream == "stdout" ||
        view_.stream == "stderr")
      return;
    std::string there;
    for (const auto& name : streams_) there += (there.empty() ? "" : ", ") + name;
    throw UsageError("the job has written nothing to a stream '" + view_.stream + "'" +
                     did_you_mean(view_.stream, {"stdout", "stderr"}) +
                     (there.empty() ? "" : "; it has written to " + there));
  }

 private:
  std::string shown(const std::string& bytes) const {
    return clean_ ? screen_lines(bytes, colours_) : bytes;
  }
  // A time begins each line, and nothing else: output that goes on with a line of another
  // stream begins a new one.
  void with_time(const EventLine& event, const Output& output) {
    if (!at_line_start_ && output.stream != stream_) put("\n"), at_line_start_ = true;
    stream_ = output.stream;
    if (output.bytes.empty()) return;
    if (at_line_start_) put(shown_.whole(event) + " ");
    put(shown(output.bytes));
    at_line_start_ = output.bytes.ends_with('\n');
  }

  const View& view_;
  const bool json_, clean_, colours_;
  std::set<std::string> streams_;
  EventTimes shown_;
  std::string stream_, end_;
  bool at_line_start_ = true;
};

// What was trimmed is not asked for again; that it is missing is said.
bool begin_behind_trimmed(const ApiError& error, FollowOptions& options) {
  const auto first = number_field(error, "first");
  if (error.name() != "E_COMPACTED" || !first || *first <= options.since_seq + 1) return false;
  note("the events " + std::to_string(options.since_seq + 1) + " to " + std::to_string(*first - 1) +
       " were trimmed: their output is not there any more");
  options.since_seq = *first - 1;
  return true;
}

int logs_of(Context& context, const std::string& job_id, const Reading& given) {
  context.client();  // before the signals are taken
  const StopBySignal stop({}, true);
  Reader reader(context, job_id, given.view);
  const Range range = range_of(context, job_id, given.view, stop.token());
  FollowOptions options;
  options.job_id = job_id;
  options.log_id = range.log_id;
  options.since_seq = range.since_seq;
  options.deadline = range.deadline;
  options.follow = given.follow;
  options.stop = stop.token();
  // What is there is shown as soon as nothing more is: a person may be waiting for it.
  options.on_idle = [] { out().flush(); };
  options.on_connection = say_connection;
  for (;;) {
    Follower follower(context.client(), options);
    try {
      follow_until(follower, range.until_seq,
                   [&](std::string_view line, std::uint64_t) { reader.take(line); });
      break;
    } catch (const ApiError& e) {
      // Where it broke off, not where it began: what was printed is not printed again.
      options.since_seq = follower.cursor();
      if (!begin_behind_trimmed(e, options)) throw;
    }
  }
  if (stop.stopped()) return stop.code();
  reader.check_stream();
  return 0;
}

// Several are told apart as tail(1) does it.
int logs(Context& context, const Reading& given) {
  if (given.follow && given.which.several())
    throw UsageError("--follow is for one job: 'domectl follow' takes several");
  const auto jobs = selected(context, given.which, {"show"});
  for (const auto& job : jobs) {
    if (jobs.size() > 1 && !context.json)
      put((&job == &jobs.front() ? "==> " : "\n==> ") + visible(job) + " <==\n");
    const int code =
        context.with_job(job, [&](const std::string& id) { return logs_of(context, id, given); });
    if (code != 0) return code;
  }
  return 0;
}

}  // namespace

void add_logs(CLI::App& app, Context& context) {
  const auto given = std::make_shared<Reading>();
  CLI::App* verb = app.add_subcommand("logs", "Print what jobs wrote");
  add_selection(*verb, given->which);
  add_view_options(*verb, given->view);
  verb->add_flag("-f,--follow", given->follow, "Go on until the job ends");
  verb->footer(
      "On a terminal control sequences other than colours are shown, not obeyed.\n\n"
      "Examples:\n"
      "  domectl logs @last --tail 20\n"
      "  domectl logs JOB --stream stderr --since 10m -t");
  verb->callback(
      [&context, given] { context.action = [&context, given] { return logs(context, *given); }; });
}

}  // namespace domed::ctl

// The verbs that wait for a job, read its output, and decide on its turn.
#include <unistd.h>

#include <algorithm>
#include <set>
#include <stop_token>

#include "base/units.h"
#include "base/words.h"
#include "client/event_line.h"
#include "client/follower.h"
#include "domectl/arguments.h"
#include "domectl/context.h"
#include "domectl/event_times.h"
#include "domectl/interrupt.h"
#include "domectl/outcome.h"
#include "domectl/screen_line.h"
#include "domectl/selection.h"
#include "domectl/table.h"
#include "domectl/watch.h"
#include "domectl/when.h"
#include "domed/support/hash.h"

namespace domed::ctl {
namespace {

constexpr std::chrono::microseconds kLongestWait =
    std::chrono::hours(24 * 365);  // what a clock can add to now

struct Waiting {
  Selection which;
  std::string timeout;
};

// How a job ended, its further attempts included.
struct End {
  std::string first;  // the job that was asked for, and its last attempt
  std::string job;
  std::string payload;  // of its terminal event, or what is as good; empty: it has not ended
};

CallOptions until(const FollowOptions& options) {
  CallOptions call;
  call.stop = options.stop;
  return call;
}

// The payload of the job's end, or what is as good; empty where the time was up.
std::string await_end(Context& context, const std::string& job, FollowOptions options) {
  Json status = context.client().call("GetJobStatus", {{"job_id", job}}, until(options));
  // In the form of a terminal event's payload, which is what outcome_text() reads: a status has the
  // same keys but for this one.
  status["to"] = status.at("state");
  if (is_terminal_state(status.value("state", ""))) return status.dump();
  options.job_id = job;
  // From the head on: only the end is wanted, not the output that came before.
  options.since_seq = status.at("head_seq").get<std::uint64_t>();
  options.log_id = status.at("log_id").get<std::string>();
  std::string end;
  Follower follower(context.client(), options);
  follower.run([&](std::string_view line, std::uint64_t) {
    const auto event = read_event_line(line);
    if (event && is_terminal(*event)) end = event->payload;
  });
  return end;
}

// The attempt that follows "job"; empty where none does.  It is made just after the end.
std::string next_attempt(Context& context, const std::string& job, const FollowOptions& options) {
  const Json status = context.client().call("GetJobStatus", {{"job_id", job}}, until(options));
  const std::string next = status.value("retried_by", "");
  if (!next.empty()) context.status_of(next, options.stop);
  return next;
}

End await_last_end(Context& context, const std::string& job, const FollowOptions& options) {
  End end{job, job, await_end(context, job, options)};
  // A job that is tried again has not ended as far as its caller cares.
  for (std::string next;
       !end.payload.empty() && !(next = next_attempt(context, end.job, options)).empty();)
    end = {job, next, await_end(context, next, options)};
  return end;
}

// By the name that the caller gave it.
void tell(const Context& context, const std::string& job, const End& end) {
  const std::string state = Json::parse(end.payload).at("to").get<std::string>();
  if (context.json) {
    OrderedJson out{{"job_id", end.first}, {"state", state}};
    if (end.job != end.first) out["last_attempt"] = end.job;
    return put_json(ctl::out(), out.dump());
  }
  const std::string text = outcome_text(end.payload);
  // A line for each job as it ends, in the order given: the next may take hours.
  put(visible(job + " " + (text.empty() ? state : text) +
              (end.job == end.first ? "" : " (last attempt: " + end.job + ")")) +
      "\n");
}

int wait(Context& context, const Waiting& given) {
  FollowOptions options;
  options.on_connection = say_connection;
  if (!given.timeout.empty())
    options.deadline = std::chrono::steady_clock::now() +
                       std::min(duration_of(given.timeout, "--timeout"), kLongestWait);
  context.client();  // before the signals are taken
  const StopBySignal stop;
  options.stop = stop.token();
  int code = 0;
  for (const auto& job : selected(context, given.which, {"wait for"})) {
    const End end = context.with_job(
        job, [&](const std::string& id) { return await_last_end(context, id, options); });
    if (stop.stopped()) return stop.code();
    if (end.payload.empty()) {
      note("job " + job + " has not ended in time");
      return kTimedOut;
    }
    tell(context, job, end);
    out().flush();
    // The first that failed, in the order given: the same jobs give the same code, whichever ends
    // first.
    if (code == 0) code = exit_code_of(end.payload);
  }
  return code;
}

struct Reading {
  Selection which;
  std::string job, stream, since, until;
  bool follow = false, times = false, raw = false;
};

// Prints the output among a job's events, as it was asked for.
class Reader {
 public:
  Reader(Context& context, const Reading& given)
      : given_(given),
        json_(context.json),
        clean_(!given.raw && !given.times && is_terminal(STDOUT_FILENO)),
        colours_(Colours::of(STDOUT_FILENO).on()),
        since_(given.since.empty() ? INT64_MIN : when_of(context, given.since, "--since")),
        until_(given.until.empty() ? INT64_MAX : when_of(context, given.until, "--until")),
        shown_([&context, &given] { return created_at(context, given.job); }) {}

  void take(std::string_view line) {
    const auto event = read_event_line(line);
    if (!event) return;
    if (event->type == "stream_end" && !json_) end_ = stream_end_note(event->payload);
    if (!end_.empty()) note(std::exchange(end_, {}));
    if (event->type != "log") return;
    const auto output = read_output(event->payload);
    if (!output) return;
    streams_.insert(output->stream);
    // By the event's own time, which never decreases within a job; the daemon has no index by it,
    // so that all of the log is read.
    const auto time = parse_time(event->ts).value_or(0);
    if (time < since_ || time > until_) return;
    if (!given_.stream.empty() && output->stream != given_.stream) return;
    if (json_)
      put_json(out(), line);
    else if (given_.times)
      with_times(*event, *output);
    else
      put(clean_ ? screen_lines(output->bytes, colours_) : output->bytes);
  }

  // Said where nothing can have been shown, as no job of domed's has such a stream by itself.
  void check_stream() const {
    if (given_.stream.empty() || streams_.contains(given_.stream) || given_.stream == "stdout" ||
        given_.stream == "stderr")
      return;
    std::string there;
    for (const auto& name : streams_) there += (there.empty() ? "" : ", ") + name;
    throw UsageError("the job has written nothing to a stream '" + given_.stream + "'" +
                     did_you_mean(given_.stream, {"stdout", "stderr"}) +
                     (there.empty() ? "" : "; it has written to " + there));
  }
  bool anything_came() const { return !streams_.empty(); }

 private:
  // A time begins each line, and nothing else: output that goes on with a line of another
  // stream begins a new one.
  void with_times(const EventLine& event, const Output& output) {
    if (!at_line_start_ && output.stream != stream_) put("\n"), at_line_start_ = true;
    stream_ = output.stream;
    const bool terminal = !given_.raw && is_terminal(STDOUT_FILENO);
    for (std::size_t begin = 0, end; begin < output.bytes.size(); begin = end) {
      end = std::min(output.bytes.find('\n', begin), output.bytes.size() - 1) + 1;
      const std::string part = output.bytes.substr(begin, end - begin);
      if (at_line_start_) put(shown_.whole(event) + " ");
      put(terminal ? screen_lines(part, colours_) : part);
      at_line_start_ = part.back() == '\n';
    }
  }

  const Reading& given_;
  const bool json_, clean_, colours_;
  const std::int64_t since_, until_;
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

int logs_of(Context& context, const Reading& given) {
  Reader reader(context, given);
  context.client();  // before the signals are taken
  const StopBySignal stop({}, true);
  FollowOptions options;
  options.job_id = given.job;
  options.follow = given.follow;
  options.stop = stop.token();
  // What is there is shown as soon as nothing more is: a person may be waiting for it.
  options.on_idle = [] { out().flush(); };
  options.on_connection = say_connection;
  for (;;) {
    Follower follower(context.client(), options);
    try {
      follower.run([&](std::string_view line, std::uint64_t) { reader.take(line); });
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
  if (given.follow && given.which.several()) throw UsageError("--follow is for one job");
  const auto jobs = selected(context, given.which, {"show"});
  for (const auto& job : jobs) {
    if (jobs.size() > 1 && !context.json)
      put((&job == &jobs.front() ? "==> " : "\n==> ") + visible(job) + " <==\n");
    const int code = context.with_job(job, [&](const std::string& id) {
      Reading one = given;
      one.job = id;
      return logs_of(context, one);
    });
    if (code != 0) return code;
  }
  return 0;
}

void add_wait(CLI::App& app, Context& context) {
  const auto given = std::make_shared<Waiting>();
  CLI::App* verb = app.add_subcommand("wait", "Wait for the end of jobs");
  add_selection(*verb, given->which);
  verb->add_option("--timeout", given->timeout, "No longer than this")->type_name("TIME");
  verb->footer(
      "Prints a line for each, and exits as 'domectl run' would with the first of them that did\n"
      "not succeed; 124 when the time was up.  Of a job that is tried again the last attempt "
      "counts.\n\n"
      "Example:\n  domectl wait --label build=17");
  verb->callback([&context, given] {
    context.failure = kOwnFailure;
    context.action = [&context, given] { return wait(context, *given); };
  });
}

void add_logs(CLI::App& app, Context& context) {
  const auto given = std::make_shared<Reading>();
  CLI::App* verb = app.add_subcommand("logs", "Print what a job wrote");
  add_selection(*verb, given->which);
  verb->add_option("--stream", given->stream, "Only this one: stdout or stderr")->type_name("NAME");
  verb->add_option("--since", given->since, "From this time on, or from so long ago")
      ->type_name("TIME");
  verb->add_option("--until", given->until, "Up to this time")->type_name("TIME");
  verb->add_flag("-f,--follow", given->follow, "Go on until the job ends");
  verb->add_flag("-t,--timestamps", given->times, "With the time when each line was written");
  verb->add_flag("--raw", given->raw, "On a terminal too: byte for byte");
  verb->footer(
      "On a terminal control sequences other than colours are shown, not obeyed.\n\n"
      "Example:\n  domectl logs JOB --stream stderr --since 10m -t");
  verb->callback(
      [&context, given] { context.action = [&context, given] { return logs(context, *given); }; });
}

}  // namespace

void add_turns(CLI::App& app, Context& context) {
  add_wait(app, context);
  add_logs(app, context);
}

}  // namespace domed::ctl

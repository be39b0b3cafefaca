// Waiting for the end of jobs.

#include <algorithm>
#include <stop_token>

#include "client/event_line.h"
#include "client/follower.h"
#include "domectl/arguments.h"
#include "domectl/context.h"
#include "domectl/interrupt.h"
#include "domectl/outcome.h"
#include "domectl/selection.h"
#include "domectl/watch.h"

namespace domed::ctl {
namespace {

struct Waiting {
  Selection which;
  std::string timeout;
  bool started = false;
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

enum class For { start, end };

// The payload of the job's start or end, or what is as good, whichever comes first of what is
// waited for; empty where the time was up.
std::string await(Context& context, const std::string& job, For what, FollowOptions options) {
  Json status = context.client().call("GetJobStatus", {{"job_id", job}}, until(options));
  // In the form of a terminal event's payload, which is what outcome_text() reads: a status has the
  // same keys but for this one.
  status["to"] = status.at("state");
  const std::string state = status.value("state", "");
  if (is_terminal_state(state) || (what == For::start && state != "queued")) return status.dump();
  options.job_id = job;
  // From the head on: only the end is wanted, not the output that came before.
  options.since_seq = status.at("head_seq").get<std::uint64_t>();
  options.log_id = status.at("log_id").get<std::string>();
  std::string found;
  std::stop_source enough;
  const std::stop_callback stopped(options.stop, [&] { enough.request_stop(); });
  options.stop = enough.get_token();
  Follower follower(context.client(), options);
  follower.run([&](std::string_view line, std::uint64_t) {
    const auto event = read_event_line(line);
    if (!event || event->type != "state_change" || !found.empty()) return;
    if (what == For::end && !is_terminal(*event)) return;
    found = event->payload;
    if (what == For::start) enough.request_stop();
  });
  return found;
}

// The attempt that follows "job"; empty where none does.  It is made just after the end.
std::string next_attempt(Context& context, const std::string& job, const FollowOptions& options) {
  const Json status = context.client().call("GetJobStatus", {{"job_id", job}}, until(options));
  const std::string next = status.value("retried_by", "");
  if (!next.empty()) context.status_of(next, options.stop);
  return next;
}

End await_last_end(Context& context, const std::string& job, const FollowOptions& options) {
  End end{job, job, await(context, job, For::end, options)};
  // A job that is tried again has not ended as far as its caller cares.
  for (std::string next;
       !end.payload.empty() && !(next = next_attempt(context, end.job, options)).empty();)
    end = {job, next, await(context, next, For::end, options)};
  return end;
}

// By its start alone; the end of one that never started is as good.
End await_start(Context& context, const std::string& job, const FollowOptions& options) {
  return {job, job, await(context, job, For::start, options)};
}

bool has_started(const End& end) {
  const Json payload = Json::parse(end.payload);
  return text_at(payload, "to") == "running" || !text_at(payload, "started_at").empty();
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
    const End end = context.with_job(job, [&](const std::string& id) {
      return given.started ? await_start(context, id, options)
                           : await_last_end(context, id, options);
    });
    if (stop.stopped()) return stop.code();
    if (end.payload.empty()) {
      note("job " + job + " has not " + (given.started ? "started" : "ended") + " in time");
      return kTimedOut;
    }
    tell(context, job, end);
    out().flush();
    // The first that failed, in the order given: the same jobs give the same code, whichever ends
    // first.
    if (code == 0 && !(given.started && has_started(end))) code = exit_code_of(end.payload);
  }
  return code;
}

void add_wait(CLI::App& app, Context& context) {
  const auto given = std::make_shared<Waiting>();
  CLI::App* verb = app.add_subcommand("wait", "Wait for the end of jobs");
  add_selection(*verb, given->which);
  verb->add_option("--timeout", given->timeout, "No longer than this")->type_name("TIME");
  verb->add_flag("--started", given->started, "Wait for their start alone");
  verb->footer(
      "Prints a line for each, and exits as 'domectl run' would with the first of them that did\n"
      "not succeed; 124 when the time was up.  Of a job that is tried again the last attempt "
      "counts.  With --started one that runs, or did, is a success, and one that ended without\n"
      "a start is not.\n\n"
      "Example:\n  domectl wait --label build=17");
  verb->callback([&context, given] {
    context.failure = kOwnFailure;
    context.action = [&context, given] { return wait(context, *given); };
  });
}

}  // namespace

void add_waits(CLI::App& app, Context& context) {
  add_wait(app, context);
}

}  // namespace domed::ctl

// The verbs that wait for a job, read its output, and decide on its turn.
#include <algorithm>
#include <stop_token>

#include "domed/support/hash.h"
#include "base/units.h"
#include "client/event_line.h"
#include "client/follower.h"
#include "domectl/context.h"
#include "domectl/interrupt.h"
#include "domectl/outcome.h"
#include "domectl/table.h"

namespace domed::ctl {
namespace {

// A point in time: RFC 3339, or so long ago.
std::int64_t time_of(const std::string& text, const char* option) {
  if (const auto back = parse_duration(text)) return now_micros() - back->count();
  if (const auto time = parse_time(text)) return *time;
  throw UsageError(std::string(option) + " '" + text +
                   "' is neither a time nor a duration such as 10m");
}

struct Waiting {
  std::vector<std::string> jobs;
  std::string timeout;
};

// The job that tries "job" again; empty where none does.  It is made just after the end.
std::string next_attempt(Context& context, const std::string& job) {
  const std::string next =
      context.client().call("GetJobStatus", {{"job_id", job}}).value("retried_by", "");
  if (!next.empty()) context.status_of(next);
  return next;
}

// The payload of the job's end, or what is as good; empty where the time was up.
std::string await_end(Context& context, const std::string& job, FollowOptions options) {
  Json status = context.client().call("GetJobStatus", {{"job_id", job}});
  status["to"] = status.at("state");
  if (is_terminal_state(status.value("state", ""))) return status.dump();
  options.job_id = job;
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

int wait(Context& context, const Waiting& given) {
  std::stop_source stop;
  FollowOptions options;
  options.stop = stop.get_token();
  if (!given.timeout.empty()) {
    const auto limit = parse_duration(given.timeout);
    if (!limit)
      throw UsageError("--timeout '" + given.timeout + "' is not a time such as 30s or 2h");
    options.deadline = std::chrono::steady_clock::now() + *limit;
  }
  context.client();
  const Interrupt interrupt([&stop](int) { stop.request_stop(); });
  int code = 0;
  for (auto job : given.jobs) {
    std::string end = await_end(context, job, options);
    for (std::string next; !end.empty() && !(next = next_attempt(context, job)).empty(); job = next)
      end = await_end(context, next, options);
    if (stop.stop_requested()) return kCanceled;
    if (end.empty()) {
      note("job " + job + " has not ended in time");
      return kTimedOut;
    }
    const Json payload = Json::parse(end);
    const std::string text = outcome_text(end);
    put(stdout,
        context.json
            ? Json{{"job_id", job}, {"state", payload.at("to")}}.dump() + "\n"
            : job + " " + (text.empty() ? payload.at("to").get<std::string>() : text) + "\n");
    if (code == 0) code = exit_code_of(end);
  }
  return code;
}

struct Reading {
  std::string job, stream, since, until;
  bool follow = false, times = false;
};

int logs(Context& context, const Reading& given) {
  std::stop_source stop;
  FollowOptions options;
  options.job_id = given.job;
  options.follow = given.follow;
  options.stop = stop.get_token();
  options.on_idle = [] { std::fflush(stdout); };
  const std::int64_t since = given.since.empty() ? 0 : time_of(given.since, "--since-time");
  const std::int64_t until = given.until.empty() ? INT64_MAX : time_of(given.until, "--until-time");
  context.client();
  const Interrupt interrupt([&stop](int) { stop.request_stop(); });
  Follower follower(context.client(), options);
  follower.run([&](std::string_view line, std::uint64_t) {
    const auto event = read_event_line(line);
    if (!event || event->type != "log") return;
    const auto time = parse_time(std::string(event->ts)).value_or(0);
    if (time < since || time > until) return;
    const auto output = read_output(event->payload);
    if (!output || (!given.stream.empty() && output->stream != given.stream)) return;
    if (context.json)
      put(stdout, std::string(line) + "\n");
    else
      put(stdout, (given.times ? std::string(event->ts) + " " : "") + output->bytes);
  });
  return stop.stop_requested() ? kCanceled : 0;
}

int change(Context& context, const char* method, Json params, const char* done) {
  const OrderedJson result = OrderedJson::parse(context.client().call_raw(method, params));
  put(stdout, (context.json ? result.dump() : done + field(result, "job_id")) + "\n");
  return 0;
}

void add_wait(CLI::App& app, Context& context) {
  const auto given = std::make_shared<Waiting>();
  CLI::App* verb = app.add_subcommand("wait", "Wait for the end of jobs");
  verb->add_option("JOB", given->jobs, "Their ids")->required();
  verb->add_option("--timeout", given->timeout, "No longer than this")->type_name("TIME");
  verb->footer(
      "Prints a line for each, and exits as 'domectl run' would with the first of them that did\n"
      "not succeed; 124 when the time was up.  Of a job that is tried again the last attempt "
      "counts.\n\n"
      "Example:\n  domectl wait $(domectl list --label build=17 --json | jq -r .job_id)");
  verb->callback([&context, given] {
    context.failure = kOwnFailure;
    context.action = [&context, given] { return wait(context, *given); };
  });
}

void add_logs(CLI::App& app, Context& context) {
  const auto given = std::make_shared<Reading>();
  CLI::App* verb = app.add_subcommand("logs", "Print what a job wrote");
  verb->add_option("JOB", given->job, "The job's id")->required();
  verb->add_option("--stream", given->stream, "Only this one: stdout or stderr")->type_name("NAME");
  verb->add_option("--since-time", given->since, "From this time on, or from so long ago")
      ->type_name("TIME");
  verb->add_option("--until-time", given->until, "Up to this time")->type_name("TIME");
  verb->add_flag("-f,--follow", given->follow, "Go on until the job ends");
  verb->add_flag("-t,--timestamps", given->times, "With the time of each line");
  verb->footer("Example:\n  domectl logs JOB --stream stderr --since-time 10m -t");
  verb->callback(
      [&context, given] { context.action = [&context, given] { return logs(context, *given); }; });
}

void add_hold(CLI::App& app, Context& context, const char* name, const char* method,
              const char* help, const char* done) {
  const auto job = std::make_shared<std::string>(), reason = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand(name, help);
  verb->add_option("JOB", *job, "The job's id")->required();
  verb->add_option("--reason", *reason, "Why, kept in the job's log");
  verb->callback([&context, job, reason, method, done] {
    context.action = [&context, job, reason, method, done] {
      Json params{{"job_id", *job}};
      if (!reason->empty()) params["reason"] = *reason;
      return change(context, method, params, done);
    };
  });
}

void add_retry(CLI::App& app, Context& context) {
  const auto job = std::make_shared<std::string>(), key = std::make_shared<std::string>();
  CLI::App* verb =
      app.add_subcommand("retry", "Submit the request of a job that is over once more");
  verb->add_option("JOB", *job, "The job's id")->required();
  verb->add_option("--key", *key, "Idempotency key of the new job")->type_name("KEY");
  verb->footer(
      "Prints the id of the new job, whose status names the old one as retry_of.\n\n"
      "Example:\n  domectl follow $(domectl retry JOB)");
  verb->callback([&context, job, key] {
    context.action = [&context, job, key] {
      return change(context, "RetryJob",
                    {{"job_id", *job}, {"idempotency_key", key->empty() ? random_hex(16) : *key}},
                    "");
    };
  });
}

}  // namespace

void add_turns(CLI::App& app, Context& context) {
  add_wait(app, context);
  add_logs(app, context);
  add_hold(app, context, "hold", "HoldJob", "Keep a queued job from being started", "held ");
  add_hold(app, context, "release", "ReleaseJob", "Let a held job run when its turn comes",
           "released ");
  add_retry(app, context);
}

}  // namespace domed::ctl

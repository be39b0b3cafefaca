// The verbs that change jobs: their end, their turn, what is kept of them.
#include <algorithm>

#include "domectl/arguments.h"
#include "domectl/context.h"
#include "domectl/selection.h"
#include "domectl/submission.h"
#include "domectl/table.h"
#include "domed/support/hash.h"

namespace domed::ctl {
namespace {

struct Change {
  Selection which;
  std::string reason, key;
  std::vector<std::string> env;
};

using Text = std::function<std::string(const OrderedJson& result)>;

// Calls "method" and prints its result: whole, or as "text".
void change(Context& context, const char* method, const Json& params, const Text& text) {
  const std::string result = context.client().call_raw(method, params);
  context.json ? put_json(out(), result) : put(text(OrderedJson::parse(result)) + "\n");
}

Json params_of(const std::string& job, const std::string& reason) {
  Json params{{"job_id", job}};
  if (!reason.empty()) params["reason"] = reason;
  return params;
}

// Of a job that had failed the next attempt is what a cancel still changes.
std::string retry_text(const OrderedJson& result) {
  if (!result.contains("retry") || !result["retry"].is_object()) return "";
  const OrderedJson& retry = result["retry"];
  const std::string id = field(retry, "job_id");
  if (retry.value("canceled", false)) return "; its retry, job " + id + ", is canceled";
  return "; it was tried again as job " + id + ", which is " + field(retry, "state");
}

int cancel(Context& context, const Change& given) {
  const Deed deed{"cancel", {"queued", "running"}, {}, true};
  return for_each_job(context, given.which, deed, [&](const std::string& job) {
    change(context, "CancelJob", params_of(job, given.reason), [&](const OrderedJson& result) {
      // No error: what the caller wants, that the job does not run, is so (Cancel).
      const bool over = result.value("already_terminal", false);
      return (given.which.several() ? visible(job) + " " : "") +
             (over ? "already " : "cancel requested; ") + field(result, "state") +
             retry_text(result);
    });
  });
}

// A verb that does something with jobs that are in "state" and not so already.
struct Turn {
  const char *verb, *method, *state;
  const char* key;  // of the status, and what it is to be
  bool value;
  const char* done;
};

int turn(Context& context, const Change& given, const Turn& to) {
  const Deed deed{to.verb, {to.state}, [&to](const OrderedJson& job) {
                    return job.value(to.key, false) != to.value;
                  }};
  return for_each_job(context, given.which, deed, [&](const std::string& job) {
    change(context, to.method, params_of(job, given.reason),
           [&to](const OrderedJson& result) { return to.done + (" " + field(result, "job_id")); });
  });
}

int pause(Context& context, const Change& given, const Turn& to) {
  context.must_know("pause", std::string("'") + to.verb + "'");
  return turn(context, given, to);
}

constexpr Turn kHold{"hold", "HoldJob", "queued", "held", true, "held"},
    kRelease{"release", "ReleaseJob", "queued", "held", false, "released"},
    kPause{"pause", "PauseJob", "running", "paused", true, "paused"},
    kResume{"resume", "ResumeJob", "running", "paused", false, "resumed"};

// Of a filter's jobs those that nobody tried again: what the daemon does itself is not done twice.
int retry(Context& context, const Change& given) {
  if (!given.key.empty() && given.which.several())
    throw UsageError("--key is for one job: it would name one new job for all of them");
  Json params = Json::object();
  if (!given.env.empty()) {
    context.must_know("retry_env", "'retry --env'");
    params["env"] = pairs(given.env, "--env");
  }
  const Deed deed{
      "retry", {"failed"}, [](const OrderedJson& job) { return !job.contains("retried_by"); }};
  return for_each_job(context, given.which, deed, [&](const std::string& job) {
    params["job_id"] = job;
    params["idempotency_key"] = given.key.empty() ? random_hex(16) : given.key;
    change(context, "RetryJob", params,
           [](const OrderedJson& result) { return field(result, "job_id"); });
  });
}

int remove(Context& context, const Change& given) {
  const Deed deed{"delete", {"succeeded", "failed", "canceled"}, {}, true};
  return for_each_job(context, given.which, deed, [&](const std::string& job) {
    change(context, "DeleteJob", {{"job_id", job}},
           [](const OrderedJson& result) { return "deleted " + field(result, "job_id"); });
  });
}

using Verb = int (*)(Context&, const Change&);

std::shared_ptr<Change> add(CLI::App& app, Context& context, const char* name, const char* help,
                            Verb act) {
  auto given = std::make_shared<Change>();
  app.add_subcommand(name, help)->callback([&context, given, act] {
    context.action = [&context, given, act] { return act(context, *given); };
  });
  return given;
}

void add_cancel(CLI::App& app, Context& context) {
  const auto given = add(app, context, "cancel", "Ask for the end of jobs", cancel);
  CLI::App* verb = app.get_subcommand("cancel");
  add_destructive_selection(*verb, given->which);
  verb->add_option("--reason", given->reason, "Why, kept with the job");
  verb->footer(
      "Does not wait: 'domectl follow JOB' shows when it is over.\n\n"
      "Examples:\n  domectl cancel @last\n  domectl cancel --label build=17 --yes");
}

void add_turn(CLI::App& app, Context& context, const char* name, const char* help, Verb act) {
  const auto given = add(app, context, name, help, act);
  CLI::App* verb = app.get_subcommand(name);
  add_selection(*verb, given->which);
  verb->add_option("--reason", given->reason, "Why, kept in the job's log");
}

void add_retry(CLI::App& app, Context& context) {
  const auto given =
      add(app, context, "retry", "Submit the request of jobs that are over once more", retry);
  CLI::App* verb = app.get_subcommand("retry");
  add_selection(*verb, given->which);
  verb->add_option("--key", given->key, "Idempotency key of the new job")->type_name("KEY");
  verb->add_option("--env", given->env, "A variable that is to be another; may be repeated")
      ->type_name("K=V")
      ->expected(1)
      ->take_all();
  verb->footer(
      "Prints the id of each new job, whose status names the old one as retry_of.  What is "
      "selected\n"
      "by a filter without --state is what failed and was not tried again.\n\n"
      "Examples:\n  domectl follow $(domectl retry JOB)\n  domectl retry nightly --env CC=clang");
}

void add_delete(CLI::App& app, Context& context) {
  const auto given = add(app, context, "delete", "Purge finished jobs and their logs", remove);
  CLI::App* verb = app.get_subcommand("delete");
  add_destructive_selection(*verb, given->which);
  verb->footer("Example:\n  domectl delete --state succeeded --until 30d");
}

void add_trim(CLI::App& app, Context& context) {
  const auto job = std::make_shared<std::string>();
  const auto keep = std::make_shared<std::uint64_t>(0);
  CLI::App* verb = app.add_subcommand("trim", "Forget the oldest events of a job");
  verb->add_option("JOB", *job, kJobHelp)->required();
  verb->add_option("--keep-from", *keep, "The oldest seq to keep")
      ->required()
      ->type_name("SEQ")
      ->check(whole_number(0, kMostEvents));
  verb->callback([&context, job, keep] {
    context.action = [&context, job, keep] {
      context.with_job(*job, [&](const std::string& id) {
        change(context, "TrimJob", {{"job_id", id}, {"keep_from_seq", *keep}},
               [](const OrderedJson& result) {
                 return "the oldest event kept is " + field(result, "first_seq");
               });
      });
      return 0;
    };
  });
}

}  // namespace

void add_changes(CLI::App& app, Context& context) {
  add_cancel(app, context);
  add_turn(app, context, "hold", "Keep queued jobs from being started",
           [](Context& c, const Change& given) { return turn(c, given, kHold); });
  add_turn(app, context, "release", "Let held jobs run when their turn comes",
           [](Context& c, const Change& given) { return turn(c, given, kRelease); });
  add_turn(app, context, "pause", "Let running jobs stand still",
           [](Context& c, const Change& given) { return pause(c, given, kPause); });
  app.get_subcommand("pause")->footer(
      "All that the job started stands still until 'domectl resume'; what was paused can be "
      "canceled\n"
      "as it is.  Until then, however long, it keeps its slot, its place in its queue and its\n"
      "memory, and its timeout stands still: others may wait for it without end ('domectl list\n"
      "--state paused').  Of what is selected by a filter, those that run.\n\n"
      "Example:\n  domectl pause --label nightly=1");
  add_turn(app, context, "resume", "Let paused jobs go on",
           [](Context& c, const Change& given) { return pause(c, given, kResume); });
  add_retry(app, context);
  add_delete(app, context);
  add_trim(app, context);
}

}  // namespace domed::ctl

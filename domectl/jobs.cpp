#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "base/units.h"
#include "base/words.h"
#include "domectl/arguments.h"
#include "domectl/context.h"
#include "domectl/interrupt.h"
#include "domectl/table.h"

namespace domed::ctl {
namespace {

struct Listing {
  std::string state, label, tool, since, submitter;
  std::size_t limit = 20;
  bool watch = false;
};

OrderedJson ask(Context& context, const char* method, const Json& params,
                std::stop_token stop = {}) {
  CallOptions options;
  options.stop = std::move(stop);
  return OrderedJson::parse(context.client().call_raw(method, params, options));
}

int status(Context& context, const std::string& job) {
  if (context.json) {
    put_json(out(), context.client().call_raw("GetJobStatus", {{"job_id", job}}));
    return 0;
  }
  OrderedJson record = ask(context, "GetJobStatus", {{"job_id", job}});
  // A record of forty fields would bury the ten that people look for; what it says of changes is
  // told by "drift".
  record.erase("provenance_end");
  if (record.contains("provenance") && record["provenance"].is_object()) {
    const OrderedJson& found = record["provenance"];
    record["provenance"] = "commit " + field(found, "commit_sha") + ", dirty " +
                           field(found, "dirty_flag") + " ('domectl provenance' shows all)";
  }
  put(listing(record));
  return 0;
}

std::string what(const OrderedJson& job) {
  if (job.contains("tool_id")) return "tool " + field(job, "tool_id");
  if (!job.contains("command") || !job["command"].is_array()) return field(job, "executor");
  std::string out;
  for (const auto& word : job["command"])
    out += (out.empty() ? "" : " ") + (word.is_string() ? word.get<std::string>() : word.dump());
  return visible(shortened(std::move(out), 60));
}

std::string row(const OrderedJson& job, std::int64_t now, std::size_t width,
                const Colours& colours) {
  std::string id = field(job, "job_id"), state = field(job, "state");
  // It is queued, and will stay so: what people want to see is why.
  if (job.contains("held")) state = "held";
  std::string code = job.contains("exit_code") ? field(job, "exit_code") : "-";
  std::string when = age(field(job, "created_at"), now);
  // By hand and not by the state's own text: the colours around it take no room.
  const std::string pad(state.size() < 10 ? 10 - state.size() : 0, ' ');
  id.resize(std::max(id.size(), width), ' ');
  code.resize(std::max<std::size_t>(code.size(), 5), ' ');
  when.resize(std::max<std::size_t>(when.size(), 10), ' ');
  return id + "  " + colours.state(state) + pad + " " + code + " " + when + " " + what(job) + "\n";
}

Json query_of(Context& context, const Listing& given) {
  Json params = Json::object();
  if (!given.state.empty()) params["state"] = given.state;
  if (!given.label.empty()) params["label"] = given.label;
  if (!given.tool.empty()) params["tool_id"] = given.tool;
  if (!given.submitter.empty()) params["submitter"] = given.submitter;
  if (given.since.empty()) return params;
  // Either form; the daemon refuses what is neither, and knows the calendar better.
  const auto back = parse_duration(given.since);
  params["since"] = back ? format_time(context.daemon_now() - back->count()) : given.since;
  return params;
}

// As many as were asked for, over as many pages as that takes.
std::vector<OrderedJson> fetch(Context& context, const Listing& given, std::stop_token stop = {}) {
  Json params = query_of(context, given);
  std::vector<OrderedJson> jobs;
  while (jobs.size() < given.limit) {
    // The daemon's most for a page.  Between two pages jobs may be made; the list goes from new to
    // old by a mark, so that none is shown twice.
    params["limit"] = std::min<std::size_t>(given.limit - jobs.size(), 1000);
    const OrderedJson page = ask(context, "ListJobs", params, stop);
    for (const auto& job : page.at("jobs")) jobs.push_back(job);
    if (!page.contains("next_page") || page["next_page"].is_null()) break;
    params["page"] = page["next_page"];
  }
  return jobs;
}

int show(Context& context, const std::vector<OrderedJson>& jobs) {
  if (context.json) {
    for (const auto& job : jobs) put_json(out(), job.dump());
    return 0;
  }
  std::size_t width = 6;
  for (const auto& job : jobs) width = std::max(width, field(job, "job_id").size());
  const Colours colours = Colours::of(STDOUT_FILENO);
  std::string head = "JOB ID";
  head.resize(width, ' ');
  const std::int64_t now = jobs.empty() ? 0 : context.daemon_now();
  if (!jobs.empty()) put(colours.dim(head + "  STATE      CODE  CREATED    WHAT") + "\n");
  for (const auto& job : jobs) put(row(job, now, width, colours));
  return 0;
}

// Redraws the list until it is interrupted.
int watch(Context& context, const Listing& given) {
  if (context.json || !is_terminal(STDOUT_FILENO)) throw UsageError("--watch needs a terminal");
  std::mutex mutex;
  std::condition_variable_any changed;
  context.client();
  const StopBySignal stop;
  while (!stop.stopped()) {
    const std::vector<OrderedJson> jobs = fetch(context, given, stop.token());
    // The new list is there before the old one goes: the screen does not flicker, and stays where
    // the daemon does not answer.
    put("\033[H\033[2J");
    show(context, jobs);
    out().flush();
    std::unique_lock lock(mutex);
    changed.wait_for(lock, stop.token(), std::chrono::seconds(1), [] { return false; });
  }
  return 0;
}

// Calls "method" and prints its result: whole, or as "text".
int change(Context& context, const char* method, const Json& params,
           const std::function<std::string(const OrderedJson&)>& text) {
  const OrderedJson result = ask(context, method, params);
  context.json ? put_json(out(), result.dump()) : put(text(result) + "\n");
  return 0;
}

void add_status(CLI::App& app, Context& context) {
  const auto job = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("status", "Show what is known of a job");
  verb->add_option("JOB", *job, "The job's id")->required();
  verb->callback(
      [&context, job] { context.action = [&context, job] { return status(context, *job); }; });
}

void add_list(CLI::App& app, Context& context) {
  const auto given = std::make_shared<Listing>();
  CLI::App* verb = app.add_subcommand("list", "List jobs, newest first");
  verb->add_option("--state", given->state, "Only jobs in this state")
      ->check(CLI::IsMember({"queued", "running", "succeeded", "failed", "canceled"}));
  verb->add_option("--label", given->label, "Only jobs with this label")->type_name("K=V");
  verb->add_option("--tool", given->tool, "Only jobs of this tool")->type_name("ID");
  verb->add_option("--submitter", given->submitter, "Only jobs that they submitted")
      ->type_name("IDENTITY");
  verb->add_option("--since", given->since, "Only jobs since a time, or for so long")
      ->type_name("TIME");
  verb->add_flag("-w,--watch", given->watch, "Show the list anew each second, until Ctrl-C");
  verb->add_option("--limit", given->limit, "At most so many")
      ->capture_default_str()
      ->check(whole_number(1, 1'000'000));
  verb->footer(
      "Examples:\n  domectl list --state failed --since 2h\n"
      "  domectl list --label branch=main --json | jq -r .job_id");
  verb->callback([&context, given] {
    context.action = [&context, given] {
      return given->watch ? watch(context, *given) : show(context, fetch(context, *given));
    };
  });
}

// Of a job that had failed the next attempt is what a cancel still changes.
std::string retry_text(const OrderedJson& result) {
  if (!result.contains("retry") || !result["retry"].is_object()) return "";
  const OrderedJson& retry = result["retry"];
  const std::string id = field(retry, "job_id");
  if (retry.value("canceled", false)) return "; its retry, job " + id + ", is canceled";
  return "; it was tried again as job " + id + ", which is " + field(retry, "state");
}

void add_cancel(CLI::App& app, Context& context) {
  const auto job = std::make_shared<std::string>(), reason = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("cancel", "Ask for the end of a job");
  verb->add_option("JOB", *job, "The job's id")->required();
  verb->add_option("--reason", *reason, "Why, kept with the job");
  verb->footer("Does not wait: 'domectl follow JOB' shows when it is over.");
  verb->callback([&context, job, reason] {
    context.action = [&context, job, reason] {
      Json params{{"job_id", *job}};
      if (!reason->empty()) params["reason"] = *reason;
      return change(context, "CancelJob", params, [](const OrderedJson& result) {
        // No error: what the caller wants, that the job does not run, is so (Cancel).
        const bool over = result.value("already_terminal", false);
        return (over ? "already " : "cancel requested; ") + field(result, "state") +
               retry_text(result);
      });
    };
  });
}

void add_delete(CLI::App& app, Context& context) {
  const auto job = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("delete", "Purge a finished job and its log");
  verb->add_option("JOB", *job, "The job's id")->required();
  verb->callback([&context, job] {
    context.action = [&context, job] {
      return change(context, "DeleteJob", {{"job_id", *job}},
                    [](const OrderedJson& result) { return "deleted " + field(result, "job_id"); });
    };
  });
}

void add_trim(CLI::App& app, Context& context) {
  const auto job = std::make_shared<std::string>();
  const auto keep = std::make_shared<std::uint64_t>(0);
  CLI::App* verb = app.add_subcommand("trim", "Forget the oldest events of a job");
  verb->add_option("JOB", *job, "The job's id")->required();
  verb->add_option("--keep-from", *keep, "The oldest seq to keep")
      ->required()
      ->type_name("SEQ")
      ->check(whole_number(0, kMostEvents));
  verb->callback([&context, job, keep] {
    context.action = [&context, job, keep] {
      return change(context, "TrimJob", {{"job_id", *job}, {"keep_from_seq", *keep}},
                    [](const OrderedJson& result) {
                      return "the oldest event kept is " + field(result, "first_seq");
                    });
    };
  });
}

}  // namespace

void add_jobs(CLI::App& app, Context& context) {
  add_status(app, context);
  add_list(app, context);
  add_cancel(app, context);
  add_delete(app, context);
  add_trim(app, context);
}

}  // namespace domed::ctl

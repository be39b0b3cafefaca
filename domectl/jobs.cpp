#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

#include "base/units.h"
#include "base/words.h"
#include "domectl/arguments.h"
#include "domectl/context.h"
#include "domectl/interrupt.h"
#include "domectl/selection.h"
#include "domectl/table.h"

namespace domed::ctl {
namespace {

struct Listing {
  Filter filter;
  std::size_t limit = 20;
  bool watch = false;
};

OrderedJson ask(Context& context, const char* method, const Json& params,
                std::stop_token stop = {}) {
  CallOptions options;
  options.stop = std::move(stop);
  return OrderedJson::parse(context.client().call_raw(method, params, options));
}

void show_status(Context& context, const std::string& job) {
  if (context.json)
    return put_json(out(), context.client().call_raw("GetJobStatus", {{"job_id", job}}));
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
}

int status(Context& context, const Selection& given) {
  bool first = true;
  return for_each_job(context, given, {"show"}, [&](const std::string& job) {
    if (!std::exchange(first, false) && !context.json) put("\n");
    show_status(context, job);
  });
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
    const std::vector<OrderedJson> jobs = jobs_of(context, given.filter, given.limit, stop.token());
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

void add_status(CLI::App& app, Context& context) {
  const auto given = std::make_shared<Selection>();
  CLI::App* verb = app.add_subcommand("status", "Show what is known of jobs");
  add_selection(*verb, *given);
  verb->callback([&context, given] {
    context.action = [&context, given] { return status(context, *given); };
  });
}

void add_list(CLI::App& app, Context& context) {
  const auto given = std::make_shared<Listing>();
  CLI::App* verb = app.add_subcommand("list", "List jobs, newest first");
  add_filter(*verb, given->filter);
  add_times(*verb, given->filter);
  verb->add_flag("-w,--watch", given->watch, "Show the list anew each second, until Ctrl-C");
  verb->add_option("--limit", given->limit, "At most so many")
      ->capture_default_str()
      ->check(whole_number(1, 1'000'000));
  verb->footer(
      "Examples:\n  domectl list --state failed --since 2h\n"
      "  domectl list --label branch=main --json | jq -r .job_id");
  verb->callback([&context, given] {
    context.action = [&context, given] {
      return given->watch ? watch(context, *given)
                          : show(context, jobs_of(context, given->filter, given->limit));
    };
  });
}

}  // namespace

void add_jobs(CLI::App& app, Context& context) {
  add_status(app, context);
  add_list(app, context);
}

}  // namespace domed::ctl

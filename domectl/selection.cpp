#include "domectl/selection.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "base/units.h"
#include "domectl/columns.h"
#include "domectl/report.h"
#include "domectl/table.h"
#include "domectl/when.h"

namespace domed::ctl {
namespace {

// As many as a question names; the others are counted.
constexpr std::size_t kNamed = 8;

// A node is called by its name where it is the one that answers, and by its id everywhere.
std::string node_id(Context& context, const std::string& text) {
  const Json node = context.client().call("Health", Json::object()).value("node", Json::object());
  return node.value("name", "") == text ? node.value("id", text) : text;
}

// What a list shows as a state, and is a field beside another one to the daemon.
std::string state_asked_for(const std::string& state) {
  return state == "held" ? "queued" : state == "paused" ? "running" : state;
}

bool has_label(const OrderedJson& job, const std::string& label) {
  const std::size_t equals = std::min(label.find('='), label.size());
  const OrderedJson labels = part(job, "labels");
  const auto found = labels.find(label.substr(0, equals));
  return found != labels.end() && equals < label.size() && *found == label.substr(equals + 1);
}

// Whether the daemon gives more than is wanted.
bool is_sifted_here(const Filter& filter) {
  return !filter.queue.empty() || !filter.match.empty() || filter.labels.size() > 1 ||
         state_asked_for(filter.state) != filter.state;
}

// As far as the daemon was not asked.
bool fits(const OrderedJson& job, const Filter& filter) {
  if (state_asked_for(filter.state) != filter.state && !job.value(filter.state, false))
    return false;
  for (std::size_t i = 1; i < filter.labels.size(); ++i)
    if (!has_label(job, filter.labels[i])) return false;
  if (!filter.match.empty() && !mentions(job, filter.match)) return false;
  return filter.queue.empty() || queue_of(job) == filter.queue;
}

Json query_of(Context& context, const Filter& filter) {
  if (!filter.name.empty() || !filter.node.empty() || !filter.until.empty())
    context.must_know("names", "--name, --node and --until");
  Json params = Json::object();
  const std::string state = state_asked_for(filter.state);
  for (const auto& [key, value] : {std::pair{"state", &state},
                                   {"tool_id", &filter.tool},
                                   {"name", &filter.name},
                                   {"submitter", &filter.submitter}})
    if (!value->empty()) params[key] = *value;
  if (!filter.labels.empty()) params["label"] = filter.labels[0];
  if (!filter.node.empty()) params["node"] = node_id(context, filter.node);
  if (!filter.since.empty())
    params["since"] = format_time(when_of(context, filter.since, "--since"));
  if (!filter.until.empty())
    params["until"] = format_time(when_of(context, filter.until, "--until"));
  return params;
}

// "1f3a… (nightly)"
std::string called(const OrderedJson& job) {
  const std::string name = field(job, "name");
  return field(job, "job_id").substr(0, 8) + (name.empty() ? "" : " (" + name + ")");
}

void ask(const Deed& deed, const std::vector<OrderedJson>& jobs) {
  std::string text =
      deed.verb + " " + std::to_string(jobs.size()) + (jobs.size() == 1 ? " job: " : " jobs: ");
  for (std::size_t i = 0; i < std::min(jobs.size(), kNamed); ++i)
    text += (i == 0 ? "" : ", ") + called(jobs[i]);
  if (jobs.size() > kNamed) text += " and " + std::to_string(jobs.size() - kNamed) + " more";
  std::fprintf(stderr, "%s? [y/N] ", text.c_str());
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "y" || answer == "Y" || answer == "yes") return;
  note("nothing was done");
  throw ApiError("E_STOPPED", "");
}

std::vector<OrderedJson> found(Context& context, Filter filter, const Deed& deed) {
  std::vector<OrderedJson> jobs;
  const std::vector<std::string> any{filter.state};
  for (const auto& state : filter.state.empty() && !deed.states.empty() ? deed.states : any) {
    filter.state = state;
    for (auto& job : jobs_of(context, filter, kMostJobs))
      if (!deed.fits || deed.fits(job)) jobs.push_back(std::move(job));
  }
  std::stable_sort(jobs.begin(), jobs.end(), [](const auto& a, const auto& b) {
    return field(a, "created_at") < field(b, "created_at");
  });
  return jobs;
}

}  // namespace

bool Filter::empty() const {
  for (const auto* field :
       {&state, &tool, &name, &submitter, &node, &queue, &match, &since, &until})
    if (!field->empty()) return false;
  return labels.empty();
}

void add_filter(CLI::App& verb, Filter& filter) {
  verb.add_option("--state", filter.state, "Only jobs in this state")
      ->check(CLI::IsMember(
          {"queued", "held", "running", "paused", "succeeded", "failed", "canceled"}));
  verb.add_option("--label", filter.labels, "Only jobs with this label; several: with all of them")
      ->type_name("K=V");
  verb.add_option("--tool", filter.tool, "Only jobs of this tool")->type_name("ID");
  verb.add_option("--name", filter.name, "Only jobs of this name")->type_name("NAME");
  verb.add_option("--submitter", filter.submitter, "Only jobs that they submitted")
      ->type_name("IDENTITY");
  verb.add_option("--queue", filter.queue, "Only jobs of this queue")->type_name("NAME");
  verb.add_option("--match", filter.match,
                  "Only jobs with this text in their name, command, labels or the like")
      ->type_name("TEXT");
  verb.add_option("--node", filter.node, "Only jobs whose run is there")->type_name("NODE");
}

void add_times(CLI::App& verb, Filter& filter) {
  verb.add_option("--since", filter.since, "Only jobs submitted since: 2h (ago), 12:30, a date")
      ->type_name("TIME");
  verb.add_option("--until", filter.until, "Only jobs submitted until then")->type_name("TIME");
}

std::vector<OrderedJson> jobs_of(Context& context, const Filter& filter, std::size_t most,
                                 std::stop_token stop) {
  Json params = query_of(context, filter);
  CallOptions options;
  options.stop = std::move(stop);
  std::vector<OrderedJson> jobs;
  while (jobs.size() < most) {
    // The daemon's most for a page.  Between two pages jobs may be made; the list goes from new to
    // old by a mark, so that none is shown twice.
    params["limit"] =
        is_sifted_here(filter) ? 1000 : std::min<std::size_t>(most - jobs.size(), 1000);
    OrderedJson page = OrderedJson::parse(context.client().call_raw("ListJobs", params, options));
    for (auto& job : page.at("jobs"))
      if (fits(job, filter)) jobs.push_back(std::move(job));
    if (!page.contains("next_page") || page["next_page"].is_null()) break;
    params["page"] = page["next_page"];
  }
  jobs.resize(std::min(jobs.size(), most));
  return jobs;
}

void add_selection(CLI::App& verb, Selection& selection) {
  verb.add_option("JOB", selection.jobs, kJobHelp);
  add_filter(verb, selection.filter);
}

void add_destructive_selection(CLI::App& verb, Selection& selection) {
  add_selection(verb, selection);
  add_times(verb, selection.filter);
  verb.add_flag("-y,--yes", selection.yes, "Do not ask before it is done to all that were found");
}

std::vector<std::string> selected(Context& context, const Selection& selection, const Deed& deed) {
  if (selection.filter.empty()) {
    if (selection.jobs.empty())
      throw UsageError(
          "no JOB: name one or several, or select them by --label, --state, --tool, "
          "--name; --help tells more");
    return selection.jobs;
  }
  if (!selection.jobs.empty())
    throw UsageError("either JOBs, or --label, --state and the like that find them, not both");
  const auto jobs = found(context, selection.filter, deed);
  if (jobs.empty()) note("there is no such job");
  if (!jobs.empty() && deed.destructive && !selection.yes && is_terminal(STDIN_FILENO) &&
      is_terminal(STDERR_FILENO))
    ask(deed, jobs);
  std::vector<std::string> ids;
  for (const auto& job : jobs) ids.push_back(job.at("job_id").get<std::string>());
  return ids;
}

int for_each_job(Context& context, const Selection& selection, const Deed& deed,
                 const std::function<void(const std::string& job_id)>& act) {
  const auto jobs = selected(context, selection, deed);
  int code = 0;
  for (const auto& job : jobs) try {
      context.with_job(job, act);
    } catch (const ApiError& e) {
      if (jobs.size() == 1 || e.name() == "E_STOPPED" || e.name() == "E_UNREACHABLE") throw;
      out().flush();
      report(e, context.json);
      code = context.failure;
    }
  return code;
}

}  // namespace domed::ctl

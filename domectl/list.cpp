#include <unistd.h>

#include <algorithm>
#include <optional>

#include "domectl/arguments.h"
#include "domectl/columns.h"
#include "domectl/context.h"
#include "domectl/job_order.h"
#include "domectl/list_watch.h"
#include "domectl/selection.h"
#include "domectl/table.h"

namespace domed::ctl {
namespace {

constexpr std::size_t kMostShown = 20;
// One page less one, which tells whether there are more: they are asked for each second.
constexpr std::size_t kMostWatched = 999;

struct Listing {
  Filter filter;
  std::string columns, form;
  std::string sort = kOrders[0];
  std::optional<std::size_t> limit;
  bool reverse = false, watch = false;

  Ordering order() const { return {order_named(sort), reverse}; }
};

int show(Context& context, const Listing& given, const std::vector<OrderedJson>& jobs) {
  const JobTable table(given.columns);
  if (context.json) {
    for (const auto& job : jobs) put_json(out(), job.dump());
    return 0;
  }
  // Also of no job: a form that is wrong is told before there are any.
  const std::int64_t now = context.daemon_now();
  if (!given.form.empty()) {
    formatted(given.form, OrderedJson::object(), now);
    for (const auto& job : jobs) put(formatted(given.form, job, now) + "\n");
    return 0;
  }
  const std::size_t width = is_terminal(STDOUT_FILENO) ? columns_of_terminal(STDOUT_FILENO) : 0;
  if (!jobs.empty()) put(table.text(jobs, now, width, Colours::of(STDOUT_FILENO)));
  if (jobs.empty() && is_terminal(STDERR_FILENO)) note("there is no such job");
  return 0;
}

int watch(Context& context, const Listing& given) {
  if (context.json || !given.form.empty() || !is_terminal(STDIN_FILENO) ||
      !is_terminal(STDOUT_FILENO))
    throw UsageError("--watch is for a terminal, without --json and --format");
  return watch_list(
      context, {given.filter, given.columns, given.limit.value_or(kMostWatched), given.order()});
}

// In any order but the daemon's the first ones may be any of them.
std::vector<OrderedJson> found(Context& context, const Listing& given) {
  const Ordering order = given.order();
  const std::size_t limit = given.limit.value_or(kMostShown);
  auto jobs = jobs_of(context, given.filter, order == Ordering{} ? limit + 1 : kMostJobs);
  if (order != Ordering{})
    std::stable_sort(jobs.begin(), jobs.end(),
                     [order](const auto& a, const auto& b) { return is_before(a, b, order); });
  if (jobs.size() <= limit) return jobs;
  jobs.resize(limit);
  if (is_terminal(STDOUT_FILENO) && is_terminal(STDERR_FILENO))
    note("there are more than these " + std::to_string(limit) + ": --limit N shows them");
  return jobs;
}

}  // namespace

void add_list(CLI::App& app, Context& context) {
  const auto given = std::make_shared<Listing>();
  CLI::App* verb = app.add_subcommand("list", "List jobs, newest first");
  add_filter(*verb, given->filter);
  add_times(*verb, given->filter);
  verb->add_option("--columns", given->columns,
                   "Only these, in this order: id, name, state, code, created, started, ended, "
                   "took, progress, waiting, what, tool, node, submitter, queue, priority, labels")
      ->type_name("A,B,...");
  verb->add_option("--format", given->form,
                   "A line for each in this form, such as '{id} {state}': columns, and the fields "
                   "of --json")
      ->type_name("FORM")
      ->excludes("--columns");
  verb->add_option("--sort", given->sort,
                   "By when they were created, started or ended, how long they took, their state "
                   "or name")
      ->type_name("KEY")
      ->capture_default_str()
      ->check(CLI::IsMember(std::vector<std::string>(kOrders.begin(), kOrders.end())));
  verb->add_flag("--reverse", given->reverse, "The other way round");
  verb->add_flag(
      "-w,--watch", given->watch,
      "Watch them as in top(1): q leaves, Enter follows, c cancels, / filters, s sorts, h helps");
  verb->add_option_function<std::size_t>(
          "--limit", [given](const std::size_t& limit) { given->limit = limit; },
          "At most so many; 20, and with --watch 999")
      ->type_name("N")
      ->check(whole_number(1, 1'000'000));
  verb->footer(
      "On a terminal it fits the window: ids are cut to what tells them apart, which is enough\n"
      "wherever a JOB is asked for.\n\n"
      "Examples:\n  domectl list --state failed --since 2h\n"
      "  domectl list --columns id,state,took,node --sort took\n"
      "  domectl list --label branch=main --format '{id} {state}'");
  verb->callback([&context, given] {
    context.action = [&context, given] {
      return given->watch ? watch(context, *given) : show(context, *given, found(context, *given));
    };
  });
}

}  // namespace domed::ctl

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/units.h"
#include "domectl/arguments.h"
#include "domectl/context.h"
#include "domectl/table.h"

namespace domed::ctl {
namespace {

using Row = std::vector<std::string>;

// Of one that has its store for itself nobody renews anything.
std::string state_of(const OrderedJson& node) {
  if (node.value("forgotten", false)) return "forgotten";
  if (node.value("dead", false)) return "dead";
  if (!node.contains("unrenewed_ms")) return "alone";
  const std::chrono::milliseconds unrenewed(node.value("unrenewed_ms", std::int64_t{0}));
  // What it was told and has not said itself may yet be to be heard.
  const std::string drains = node.value("draining", false) ? "draining, "
                             : node.contains("wish")       ? "told to drain, "
                                                           : "";
  return drains + "renewed " +
         format_duration(std::chrono::duration_cast<std::chrono::seconds>(unrenewed)) + " ago";
}

int nodes(Context& context) {
  const std::string result = context.client().call_raw("ListNodes", Json::object());
  if (context.json) {
    put_json(out(), result);
    return 0;
  }
  std::vector<Row> rows{
      {"NAME", "ID", "LEASE", "RUNNING", "STARTING", "SKEW", "SETTINGS", "VERSION"}};
  const OrderedJson told = OrderedJson::parse(result);
  for (const auto& node : told.at("nodes")) {
    const OrderedJson jobs = part(node, "jobs");
    rows.push_back({field(node, "name") + (node.value("this", false) ? " *" : ""),
                    field(node, "id"), state_of(node), field(jobs, "running"),
                    field(jobs, "starting"),
                    node.contains("skew_ms") ? field(node, "skew_ms") + "ms" : "",
                    field(node, "settings"), field(node, "version")});
  }
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += row[i] + (i + 1 == row.size() ? "" : std::string(widths[i] + 2 - row[i].size(), ' '));
    put(visible(line) + "\n");
  }
  return 0;
}

constexpr std::chrono::seconds kHears(20);

// As ListNodes shows it now; null where it is not there any more.
OrderedJson shown(Context& context, const std::string& id) {
  const auto told =
      OrderedJson::parse(context.client().call_raw("ListNodes", Json::object())).at("nodes");
  const auto it = std::find_if(told.begin(), told.end(),
                               [&](const OrderedJson& node) { return field(node, "id") == id; });
  return it == told.end() ? OrderedJson() : *it;
}

// It hears with its next renewal, if it is there.  "back_in": as long at least.
OrderedJson heard(Context& context, const std::string& id, bool draining,
                  std::int64_t back_in = 0) {
  const auto until = std::chrono::steady_clock::now() + kHears;
  for (;;) {
    OrderedJson node = shown(context, id);
    if (node.is_null()) return node;
    const bool says_so = node.value("draining", false) == draining &&
                         node.value("back_in_s", std::int64_t{0}) >= back_in;
    if (says_so || node.value("dead", false) || std::chrono::steady_clock::now() > until)
      return node;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

int drain(Context& context, const std::string& node, const std::string& back_in) {
  context.must_know("drain", "nodes drain");
  Json params{{"node", node}};
  if (!back_in.empty())
    params["back_in_s"] =
        std::chrono::ceil<std::chrono::seconds>(duration_of(back_in, "--back-in")).count();
  const OrderedJson wished = OrderedJson::parse(context.client().call_raw("DrainNode", params));
  const OrderedJson now =
      heard(context, field(wished, "node"), true, params.value("back_in_s", std::int64_t{0}));
  if (context.json) return put_json(out(), (now.is_null() ? wished : now).dump()), 0;
  const std::string name = field(wished, "name");
  if (now.is_null() || !now.value("draining", false)) {
    put(visible(name + " is to drain, and has not said yet that it heard") + "\n");
    return 0;
  }
  put(visible(name + " drains: it starts nothing more; running there: " +
              field(part(now, "jobs"), "running")) +
      "\n");
  if (now.contains("back_in_s"))
    put("its runs may go on for " +
        format_duration(std::chrono::seconds(now.value("back_in_s", std::int64_t{0}))) +
        " longer than else while it is away\n");
  return 0;
}

int undrain(Context& context, const std::string& node) {
  context.must_know("drain", "nodes undrain");
  const OrderedJson wished =
      OrderedJson::parse(context.client().call_raw("UndrainNode", {{"node", node}}));
  const OrderedJson now = heard(context, field(wished, "node"), false);
  if (context.json) return put_json(out(), (now.is_null() ? wished : now).dump()), 0;
  const bool has_heard = !now.is_null() && !now.value("draining", false);
  put(visible(field(wished, "name") +
              (has_heard ? " takes jobs again" : " may take jobs again, and has not heard yet")) +
      "\n");
  return 0;
}

int forget(Context& context, const std::string& node, std::string name) {
  context.must_know("drain", "nodes forget");
  if (name.empty()) {
    std::fprintf(
        stderr,
        "Its jobs are taken over at once.  If its machine is not off, what runs there runs "
        "twice.\nThe name of the node %s, to forget it: ",
        visible(node).c_str());
    std::getline(std::cin, name);
    if (name.empty()) {
      note("nothing was done");
      throw ApiError("E_STOPPED", "");
    }
  }
  const std::string result =
      context.client().call_raw("ForgetNode", {{"node", node}, {"name", name}});
  if (context.json)
    put_json(out(), result);
  else
    put(visible(name + " is forgotten") + "\n");
  return 0;
}

}  // namespace

void add_nodes(CLI::App& app, Context& context) {
  CLI::App* verb = app.add_subcommand(
      "nodes",
      "The daemons that act on the store: their leases and what runs there; * is this one");
  verb->require_subcommand(0, 1);
  verb->callback([&context, verb] {
    if (verb->get_subcommands().empty()) context.action = [&context] { return nodes(context); };
  });
  const auto node = std::make_shared<std::string>(), more = std::make_shared<std::string>();
  const auto add = [&](const char* name, const char* what) {
    CLI::App* one = verb->add_subcommand(name, what);
    one->add_option("NODE", *node, "Its name or id")->required();
    return one;
  };
  CLI::App* one = add("drain", "It starts nothing more; what runs there goes on");
  one->add_option("--back-in", *more,
                  "It is going to stop, for so long at most: its runs are not given up meanwhile")
      ->type_name("DURATION");
  one->callback([&context, node, more] {
    context.action = [&context, node, more] { return drain(context, *node, *more); };
  });
  one = add("undrain", "It takes jobs again");
  one->callback(
      [&context, node] { context.action = [&context, node] { return undrain(context, *node); }; });
  one = add("forget", "Its machine is off for good: its jobs are taken over at once");
  one->add_option("--name", *more, "The node's name, instead of typing it")->type_name("NAME");
  one->callback([&context, node, more] {
    context.action = [&context, node, more] { return forget(context, *node, *more); };
  });
}

}  // namespace domed::ctl

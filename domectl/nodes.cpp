#include <algorithm>
#include <chrono>
#include <vector>

#include "base/units.h"
#include "domectl/context.h"
#include "domectl/table.h"

namespace domed::ctl {
namespace {

using Row = std::vector<std::string>;

// Of one that has its store for itself nobody renews anything.
std::string state_of(const OrderedJson& node) {
  if (node.value("dead", false)) return "dead";
  if (!node.contains("unrenewed_ms")) return "alone";
  const std::chrono::milliseconds unrenewed(node.value("unrenewed_ms", std::int64_t{0}));
  return "renewed " + format_duration(std::chrono::duration_cast<std::chrono::seconds>(unrenewed)) +
         " ago";
}

int nodes(Context& context) {
  const std::string result = context.client().call_raw("ListNodes", Json::object());
  if (context.json) {
    put_json(out(), result);
    return 0;
  }
  std::vector<Row> rows{{"NAME", "ID", "LEASE", "RUNNING", "STARTING", "SKEW", "VERSION"}};
  const OrderedJson told = OrderedJson::parse(result);
  for (const auto& node : told.at("nodes")) {
    const OrderedJson jobs = part(node, "jobs");
    rows.push_back(
        {field(node, "name") + (node.value("this", false) ? " *" : ""), field(node, "id"),
         state_of(node), field(jobs, "running"), field(jobs, "starting"),
         node.contains("skew_ms") ? field(node, "skew_ms") + "ms" : "", field(node, "version")});
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

}  // namespace

void add_nodes(CLI::App& app, Context& context) {
  CLI::App* verb = app.add_subcommand(
      "nodes",
      "The daemons that act on the store: their leases and what runs there; * is this one");
  verb->callback([&context] { context.action = [&context] { return nodes(context); }; });
}

}  // namespace domed::ctl

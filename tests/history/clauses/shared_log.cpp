// Every clause holds whichever node a request goes to.
#include <set>

#include "clause.h"

namespace domed::history {
namespace {

std::string list_of(const std::set<std::string>& nodes) {
  std::string out;
  for (const auto& node : nodes) out += (out.empty() ? "" : " and ") + node;
  return out;
}

}  // namespace

// What one node alone contradicts is that clause's own; what it takes two to see is told here too.
Found shared_log(const History& history) {
  if (history.nodes().size() < 2) return {};
  for (const Clause& clause : clauses()) {
    if (clause.check == shared_log) continue;
    const Found found = clause.check(history);
    if (!found) continue;
    std::set<std::string> nodes;
    for (const Record* record : found->excerpt)
      if (!record->node.empty()) nodes.insert(record->node);
    if (nodes.size() > 1)
      return Finding{
          std::string(clause.name) + " does not hold between the nodes " + list_of(nodes),
          found->excerpt};
  }
  return {};
}

}  // namespace domed::history

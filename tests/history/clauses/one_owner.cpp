// One node at a time has a job, and its command begins once at most.
#include "base/json.h"
#include "clause.h"

namespace domed::history {
namespace {

// Of one job, as its command has said it.
using Starts = std::map<std::string, const Record*>;

Found owners(const Log& log) {
  std::string owner;
  const Record* since = nullptr;
  for (const auto& [seq, event] : log.events) {
    if (event.type != "assigned") continue;
    if (!log.knows(1, seq)) return {};
    const Json payload = Json::parse(event.payload, nullptr, false);
    const std::string node = payload.is_object() ? text_at(payload, "node") : "";
    if (!owner.empty() && !node.empty() && node != owner)
      return Finding{"given to the node " + node + " while " + owner + " had it",
                     {since, event.record}};
    owner = node, since = event.record;
  }
  return {};
}

// What a log that is known to its end says of its command, and what that said itself.
Found begun(const Log& log, const Starts& starts) {
  const Event* end = log.terminal();
  if (!end || !log.knows(1, end->record->seq)) return {};
  const Event* assigned = nullptr;
  const Event* running = nullptr;
  for (const auto& [seq, event] : log.events) {
    if (event.type == "assigned") assigned = &event;
    if (event.to == "running") running = &event;
  }
  if (!assigned) return {};  // no command of a node's
  const auto start = starts.find(log.job);
  if (start != starts.end() && !running)
    return Finding{"its command began, and the job never ran", {start->second, end->record}};
  const Json payload = Json::parse(end->payload, nullptr, false);
  const bool exited = payload.is_object() && text_at(payload, "reason") == "exit";
  if (!starts.empty() && exited && start == starts.end())
    return Finding{"it ended by itself, and its command never began", {end->record}};
  return {};
}

}  // namespace

Found one_owner(const History& history) {
  std::map<std::string, Starts> starts;  // by store
  for (const Record* record : history.records()) {
    if (record->what == "beside")
      return Finding{"it began beside what an earlier attempt had left", {record}};
    if (record->what != "started") continue;
    const auto [first, is_first] = starts[record->store].emplace(record->job, record);
    if (!is_first) return Finding{"its command began twice", {first->second, record}};
  }
  // On a store with one opener every job is its own, whoever had it before.
  const bool are_several = history.nodes().size() > 1;
  for (const auto& [id, log] : history.logs()) {
    if (auto found = are_several ? owners(log) : Found()) return found;
    if (auto found = begun(log, starts[log.store])) return found;
  }
  return {};
}

}  // namespace domed::history

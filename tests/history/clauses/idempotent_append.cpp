// A batch is in the log once, whole, as it was sent; its number has one content.
#include <algorithm>

#include "base/json.h"
#include "clause.h"

namespace domed::history {
namespace {

Found one_outcome(const Log& log) {
  std::map<std::string, const Record*> outcomes;
  for (const auto& batch : log.acks) {
    const Record*& first = outcomes[batch_key(*batch.ack)];
    if (first && (first->first != batch.ack->first || first->head != batch.ack->head))
      return Finding{"a repeated batch was given another outcome", {first, batch.ack}};
    if (!first) first = batch.ack;
  }
  return {};
}

// The kernel's own events may stand among those of a batch.
bool by_kernel(std::string_view type) {
  return type == "provenance" || type == "provenance_end" || type == "cancel_requested";
}

bool equal(const Json& sent, const Event& kept) {
  if (sent.value("type", "") != kept.type) return false;
  // The kernel writes the payload of every state_change itself.
  return kept.type == "state_change" ||
         Json::parse(kept.payload, nullptr, false) == sent.value("payload", Json());
}

Found as_sent(const Log& log, const Acknowledged& batch) {
  if (!batch.append || !log.knows(batch.ack->first, batch.ack->head)) return {};
  const Json sent = Json::parse(batch.append->events, nullptr, false);
  if (!sent.is_array()) return {};
  auto next = sent.begin();
  for (std::uint64_t seq = batch.ack->first; seq <= batch.ack->head; ++seq) {
    const Event& kept = log.events.at(seq);
    if (by_kernel(kept.type)) continue;
    if (next == sent.end() || !equal(*next++, kept))
      return Finding{"the log has other events than the batch",
                     {batch.append, batch.ack, kept.record}};
  }
  if (next != sent.end())
    return Finding{"the batch was acknowledged, and is not whole", {batch.append, batch.ack}};
  return {};
}

// Where all batches sent were answered, whatever else is in the log came twice.
Found nothing_else(const Log& log, const std::set<std::string>& unanswered) {
  if (log.acks.empty() || unanswered.count(log.store + '\n' + log.job)) return {};
  for (const auto& [seq, event] : log.events) {
    if (by_kernel(event.type) || event.type == "state_change") continue;
    const bool mine = std::any_of(
        log.acks.begin(), log.acks.end(),
        [s = seq](const Acknowledged& a) { return a.ack->first <= s && s <= a.ack->head; });
    if (!mine) return Finding{"an event that belongs to no acknowledged batch", {event.record}};
  }
  return {};
}

std::set<std::string> unanswered_jobs(const History& history) {
  std::set<std::string> sent, out;
  for (const Record* record : history.records()) {
    const bool refused = record->what == "refused" && record->error != "E_UNREACHABLE";
    if (record->what == "append") sent.insert(batch_key(*record));
    if (record->what == "appended" || refused) sent.erase(batch_key(*record));
  }
  for (const auto& key : sent) out.insert(key.substr(0, key.find('\n', key.find('\n') + 1)));
  return out;
}

// Another content under a number that was taken is refused.
Found one_content(const History& history) {
  std::map<std::string, std::pair<const Record*, const Record*>> sent;  // the first, the last
  for (const Record* record : history.records()) {
    if (record->what != "append" && record->what != "appended") continue;
    auto& [first, last] = sent[batch_key(*record)];
    if (record->what == "append") {
      last = record;
      if (!first) first = record;
    } else if (first && first->events != last->events) {
      return Finding{"a batch's number was accepted with other content", {first, last, record}};
    }
  }
  return {};
}

}  // namespace

Found idempotent_append(const History& history) {
  if (auto found = one_content(history)) return found;
  const auto unanswered = unanswered_jobs(history);
  for (const auto& [id, log] : history.logs()) {
    if (auto found = one_outcome(log)) return found;
    for (const auto& batch : log.acks)
      if (auto found = as_sent(log, batch)) return found;
    if (auto found = nothing_else(log, unanswered)) return found;
  }
  return {};
}

}  // namespace domed::history

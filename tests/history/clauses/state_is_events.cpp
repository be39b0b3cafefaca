// The state is the fold of the log: queued, who was given the job, provenance, running, a terminal
// state.
#include <set>

#include "base/json.h"
#include "clause.h"

namespace domed::history {
namespace {

// What a queued job's log tells on the way to `running`.
class Beginning {
 public:
  // What is wrong with "event", the next one; empty: nothing.
  std::string take(const Event& event) {
    if (event.to == "running") return running();
    if (event.type == "provenance") {
      if (std::exchange(has_provenance_, true)) return "a second provenance before running";
    } else if (event.type == "assigned") {
      assigned(event);
    } else if (event.type == "held") {
      if (has_node_) return "held while it was assigned to a node";
    } else if (!kOther.count(event.type) && event.to.empty()) {
      return "a '" + std::string(event.type) + "' of a job that does not run yet";
    }
    last_ = event.type;
    return "";
  }
  // Whether the events end between two of one commit.
  bool is_cut() const { return was_assigned_ && last_ == "provenance"; }

 private:
  // Logs from before jobs were assigned have their provenance wherever the start was, and a start
  // that came to nothing left it there.
  std::string running() const {
    if (!has_provenance_) return "running does not follow queued and provenance";
    if (was_assigned_ && !is_old_ && last_ != "provenance")
      return "running does not follow its provenance at once";
    if (was_assigned_ && !has_node_) return "running though no node has the job";
    return "";
  }
  void assigned(const Event& event) {
    is_old_ |= has_provenance_ && !was_assigned_;
    was_assigned_ = true;
    const Json payload = Json::parse(event.payload, nullptr, false);
    has_node_ = payload.is_object() && payload.contains("node") && payload["node"].is_string();
  }

  inline static const std::set<std::string_view> kOther{"cancel_requested", "released", "retry"};
  std::string_view last_;
  bool has_provenance_ = false, was_assigned_ = false, has_node_ = false, is_old_ = false;
};

// The events that a log must begin with, as far as they are known.
Found beginning(const Log& log) {
  std::string state;
  Beginning begin;
  for (const auto& [seq, event] : log.events) {
    if (!log.knows(1, seq)) return {};
    if (seq == 1 && event.to != "queued")
      return Finding{"the first event is not the change to queued", {event.record}};
    if (state == "queued")
      if (const std::string why = begin.take(event); !why.empty())
        return Finding{why, {event.record}};
    if (!event.to.empty()) {
      if (event.from != state)
        return Finding{"a change from '" + event.from + "' where the state is '" + state + "'",
                       {event.record}};
      state = event.to;
    }
    if (state != "queued" || !begin.is_cut()) continue;
    for (const Record* status : log.statuses)
      if (status->head == seq)
        return Finding{"the provenance was shown without the running that it was committed with",
                       {event.record, status}};
  }
  return {};
}

Found said(const Log& log, const Record& record) {
  const std::string state = log.state_at(record.head);
  if (state.empty() || record.state.empty() || state == record.state) return {};
  return Finding{"'" + record.state + "' at seq " + std::to_string(record.head) +
                     " where the events make it '" + state + "'",
                 {&record}};
}

}  // namespace

Found state_is_events(const History& history) {
  for (const auto& [id, log] : history.logs()) {
    if (auto found = beginning(log)) return found;
    for (const Record* status : log.statuses)
      if (auto found = said(log, *status)) return found;
    for (const auto& batch : log.acks)
      if (auto found = said(log, *batch.ack)) return found;
  }
  return {};
}

}  // namespace domed::history

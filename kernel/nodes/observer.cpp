#include "nodes/observer.h"

#include <algorithm>

#include "nodes/node_words.h"

namespace domed {

void Observer::pass(Clock::time_point now, bool answered) {
  const Span gap = last_ ? std::chrono::duration_cast<Span>(now - *last_) : Span(0);
  if (last_ && (!answered || !answered_ || gap > ttl_)) {
    free_ = ttl_;
  } else {
    const Span skipped = std::min(free_, gap);
    free_ -= skipped;
    counted_ += gap - skipped;
  }
  last_ = now;
  answered_ = answered;
}

void Observer::saw_nothing(Clock::time_point now) {
  pass(now, false);
}

void Observer::saw(Clock::time_point now, const std::vector<Lease>& leases) {
  pass(now, true);
  for (const Lease& lease : leases) {
    if (!lease.name.starts_with(kNodeLease)) continue;
    const auto [it, is_new] = nodes_.try_emplace(lease.name.substr(kNodeLease.size()));
    Node& node = it->second;
    if (!is_new && node.holder == lease.holder && node.renewals == lease.renewals) continue;
    node = {lease.holder, lease.renewals, NodeWords::parse(lease.text).back_in, counted_};
    if (it->first == self_ && node.back_in > Span(0))
      promised_ = std::max(promised_, counted_ + node.back_in);
  }
}

void Observer::saw_run(const std::string& job_id, const std::string& watcher,
                       const std::string& revision) {
  // A node that has no lease any more, when we come, is silent from now on.
  if (watcher != self_) nodes_.try_emplace(watcher, Node{{}, 0, Span(0), counted_});
  const auto [it, is_new] = runs_.try_emplace(job_id);
  if (is_new || it->second.revision != revision)
    it->second = {watcher, revision, counted_, counted_};
}

void Observer::heard(const std::string& job_id) {
  if (const auto it = runs_.find(job_id); it != runs_.end()) it->second.heard = counted_;
}

std::optional<Observer::Span> Observer::unchanged(const std::string& node) const {
  const auto it = nodes_.find(node);
  if (it == nodes_.end()) return std::nullopt;
  return counted_ - it->second.since;
}

// How long we wait for a node, or for a run that it watches.
std::optional<Observer::Span> Observer::patience_with(const std::string& node,
                                                      const ClusterTimes& times) const {
  if (!times.lost_after) return std::nullopt;
  const auto it = nodes_.find(node);
  return *times.lost_after + (it == nodes_.end() ? Span(0) : it->second.back_in);
}

bool Observer::is_silent(const std::string& node, const ClusterTimes& times) const {
  const auto silent = unchanged(node);
  const auto patience = patience_with(node, times);
  return silent && patience && *silent >= *patience;
}

bool Observer::is_dead(const std::string& node, const ClusterTimes& times) const {
  return node != self_ && is_silent(node, times);
}

bool Observer::is_lost(const std::string& job_id, const ClusterTimes& times) const {
  const auto it = runs_.find(job_id);
  if (it == runs_.end() || !times.lost_after) return false;
  const Run& run = it->second;
  if (run.watcher == self_)
    return counted_ - std::max({run.named, run.heard, promised_}) >= *times.lost_after;
  return is_dead(run.watcher, times) && counted_ - run.named >= *patience_with(run.watcher, times);
}

}  // namespace domed

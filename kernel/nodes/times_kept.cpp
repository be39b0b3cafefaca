#include "nodes/times_kept.h"

#include <algorithm>

#include "nodes/node_words.h"

namespace domed {
namespace {

using Span = ClusterTimes::Span;

TimesKept times_of(const NodeWords& words) {
  TimesKept out{words.ttl, words.lost_after, words.name, false, std::nullopt};
  if (words.lost_after == Span(0)) out.lost_after.reset();
  return out;
}

bool is_longer(const std::optional<Span>& time, const std::optional<Span>& other) {
  return other && (!time || *time > *other);
}

struct Held {
  NodeWords words;
  Span age;
};

// Not above zero: they are over.
Span left_of(const std::vector<Held>& held, Span lost_after) {
  Span left(0);
  for (const Held& one : held)
    if (one.words.lost_after == lost_after)
      left = std::max(left, lost_after + one.words.back_in - one.age);
  return left;
}

}  // namespace

std::optional<TimesKept> times_kept(const std::vector<Lease>& nodes, const std::string& self,
                                    const ClusterTimes& own,
                                    const std::function<bool()>& has_assigned) {
  std::vector<Held> held;
  for (const Lease& lease : nodes) {
    held.push_back({NodeWords::parse(lease.text), lease.age});
    const NodeWords& words = held.back().words;
    TimesKept theirs = times_of(words);
    theirs.lives = lease.name != self && lease.age < words.ttl;
    if (theirs.lives && (theirs.ttl != own.ttl || theirs.lost_after != own.lost_after))
      return theirs;
    if (words.ttl <= Span(0)) held.pop_back();  // it does not say
  }
  const auto youngest = std::min_element(
      held.begin(), held.end(), [](const Held& a, const Held& b) { return a.age < b.age; });
  if (youngest == held.end()) return std::nullopt;
  TimesKept last = times_of(youngest->words);
  if (!is_longer(last.lost_after, own.lost_after)) return std::nullopt;
  if (last.lost_after) {
    last.left = left_of(held, *last.lost_after);
    if (*last.left <= Span(0)) return std::nullopt;
  }
  if (!has_assigned()) return std::nullopt;
  return last;
}

}  // namespace domed

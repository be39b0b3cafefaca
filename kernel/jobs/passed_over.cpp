#include "jobs/passed_over.h"

#include "base/units.h"

namespace domed {
namespace {

// It may start jobs: one whose lease is over begins nothing.
bool lives(const NodeLease::Seen& node, const ClusterTimes& times) {
  return node.unrenewed < times.ttl;
}

std::string name_of(const NodeLease::Seen& node) {
  return node.words.name.empty() ? node.words.node : node.words.name;
}

// Its own policy a node knows better than its words of some seconds ago.  nullopt: not known.
std::optional<std::string> lacking_at(const NodeLease::Seen& node, const OwnPolicy& own,
                                      const Offered& job) {
  if (node.words.node == own.node) return lacking(own, job);
  if (!node.words.takes) return std::nullopt;
  return lacking(*node.words.takes, job);
}

// Of several that are called so one that lives counts.
std::string with_the_node(const std::vector<NodeLease::Seen>& nodes, const OwnPolicy& own,
                          const ClusterTimes& times, const Offered& job) {
  std::string out = ", which has never been here: it waits for that";
  for (const auto& node : nodes) {
    if (node.words.node != job.wanted_node && node.words.name != job.wanted_node) continue;
    if (!lives(node, times)) {
      out = ", which does not live: it was not heard for " + format_duration(node.unrenewed);
      continue;
    }
    const auto lacks = lacking_at(node, own, job);
    return lacks && !lacks->empty() ? ", which " + *lacks : "";
  }
  return out;
}

}  // namespace

void PassedOver::saw(const std::string& job_id, const Offered& job) {
  const std::lock_guard lock(mutex_);
  known_[job_id].job = job;
}

void PassedOver::forget(const std::string& job_id) {
  const std::lock_guard lock(mutex_);
  known_.erase(job_id);
}

std::vector<std::string> PassedOver::ids() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [id, known] : known_) out.push_back(id);
  return out;
}

void PassedOver::look(const std::vector<NodeLease::Seen>& nodes, const OwnPolicy& own,
                      const ClusterTimes& times, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  for (auto& [id, known] : known_) {
    known.lacks.clear();
    bool by_all = true;
    for (const auto& node : nodes) {
      if (!lives(node, times)) continue;
      const auto lacks = lacking_at(node, own, known.job);
      by_all = by_all && lacks && !lacks->empty();
      if (lacks) known.lacks[name_of(node)] = *lacks;
    }
    if (!by_all || known.lacks.empty())
      known.since.reset();
    else if (!known.since)
      known.since = now;
  }
}

PassedOver::Told PassedOver::told(Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  Told out;
  for (const auto& [id, known] : known_) {
    if (!known.since || now - *known.since < kLong) continue;
    if (++out.jobs <= kNamed) out.first.push_back({id, known.lacks});
  }
  return out;
}

std::string PassedOver::Told::words() const {
  std::string out = "all nodes that live have passed over " + std::to_string(jobs) +
                    (jobs == 1 ? " job" : " jobs") + " for " + format_duration(kLong) + ": ";
  for (const Job& job : first) {
    out += (&job == &first.front() ? "" : "; ") + job.job_id + " (";
    std::size_t named = 0;
    for (const auto& [node, lacks] : job.lacks) {
      if (named == kNamed) break;
      out += (named++ ? ", " : "") + node + " " + lacks;
    }
    out += job.lacks.size() > named ? " and others)" : ")";
  }
  return out + (jobs > first.size() ? " and others" : "");
}

std::string why_passed_over(const std::string& own_words, const std::vector<NodeLease::Seen>& nodes,
                            const OwnPolicy& own, const ClusterTimes& times, const Offered& job) {
  if (!job.wanted_node.empty() && !own.is_called(job.wanted_node))
    return "it is for the node " + job.wanted_node + with_the_node(nodes, own, times, job);
  std::string out = own_words;
  std::size_t named = 0;
  for (const auto& node : nodes) {
    if (node.words.node == own.node || !lives(node, times) || !job.wanted_node.empty()) continue;
    if (named++ == PassedOver::kNamed) return out + "; and there are others";
    const auto lacks = lacking_at(node, own, job);
    out += "; the node " + name_of(node) + " " +
           (!lacks           ? "does not say what it takes"
            : lacks->empty() ? "may start it"
                             : *lacks);
  }
  return out;
}

}  // namespace domed

#include "nodes/node_lease.h"

#include <algorithm>
#include <utility>

#include "base/units.h"
#include "domed/error.h"

namespace domed {
namespace {

std::string who(const NodeWords& words) {
  return "the node " + words.name + " (" + words.node + ")";
}

bool holds_to_other_times(const NodeWords& other, const NodeWords& self) {
  return other.ttl > NodeWords::Span(0) &&
         (other.ttl != self.ttl || other.lost_after != self.lost_after);
}

// Who holds the lease of a node that was forgotten.
constexpr auto kForgotten = "forgotten";

}  // namespace

NodeLease::NodeLease(Leases& leases, std::string epoch, std::function<NodeWords()> words,
                     Settings settings)
    : leases_(leases),
      epoch_(std::move(epoch)),
      words_(std::move(words)),
      settings_(std::move(settings)),
      id_(words_().node),
      name_(std::string(kNodeLease) + id_),
      slots_(leases, id_, epoch_),
      observer_(id_, settings_.times.ttl) {}

// And is seen from then on, by itself too: of two that take theirs at once one at least finds the
// other.
std::optional<Namesake> NodeLease::take() {
  const auto former = take_lease();
  if (former != Namesake::another) check_others(words_(), look());
  return former;
}

std::optional<Namesake> NodeLease::take_lease() {
  const auto leases = look();
  check_others(words_(), leases);
  const auto mine = std::find_if(leases.begin(), leases.end(),
                                 [this](const Lease& lease) { return lease.name == name_; });
  if (mine == leases.end())
    return acquire(words()) ? std::nullopt : std::optional(Namesake::another);
  const NodeWords said = NodeWords::parse(mine->text);
  const Namesake former = namesake(said, words_());
  if (former != Namesake::another) was_said(said.back_in - mine->age);
  const NodeWords self = words();
  if (former != Namesake::another) {
    leases_.release(name_, mine->holder);
    return acquire(self) ? former : Namesake::another;
  }
  // What a dead one ran has ended by its deadlines, wherever it was.  Its lease is over for the
  // engine too, which decides where two copies have waited for it, or it has come back this moment.
  return (said.forgotten || is_silent()) && acquire(self) ? Namesake::rebooted : Namesake::another;
}

bool NodeLease::is_silent() const {
  const std::lock_guard lock(mutex_);
  return observer_.is_silent(id_, settings_.times);
}

// A node that lives has renewed within its ttl; of the others nobody knows what they would say.
void NodeLease::check_others(const NodeWords& self, const std::vector<Lease>& leases) const {
  for (const Lease& lease : leases) {
    if (lease.name == name_ || lease.age >= settings_.times.ttl) continue;
    const NodeWords other = NodeWords::parse(lease.text);
    if (other.forgotten) continue;
    const auto ahead = skew(self.time, other, lease.age);
    if (std::chrono::abs(ahead) > kMaxSkew)
      throw Error(Code::conflict, "the clock of this machine is " +
                                      format_duration(std::chrono::abs(ahead)) +
                                      (ahead.count() > 0 ? " ahead of" : " behind") + " that of " +
                                      who(other) + ": set them right, and start again");
    if (holds_to_other_times(other, self))
      throw Error(Code::conflict,
                  who(other) + " holds to other times (ttl " + format_duration(other.ttl) +
                      ", lost_after " +
                      (other.lost_after == Span(0) ? "never" : format_duration(other.lost_after)) +
                      "): 'cluster' must say the same on all nodes");
    // Which the other one's deployment says, though settings may say others there for a moment yet.
    if (other.ttl > Span(0) && !self.limits_of_all && other.limits != self.limits)
      throw Error(Code::conflict, who(other) + " holds to other limits of queues (" +
                                      limits_in_words(other.limits) +
                                      "; this one: " + limits_in_words(self.limits) +
                                      "): 'jobs.queues' must say the same on all nodes");
    if (format_to_write(self.formats, {other.formats}) == 0)
      throw Error(Code::conflict, "this is domed " + self.version + ", and " + who(other) +
                                      " is domed " + other.version +
                                      ", which has no format of records in common with it: use a "
                                      "release between the two first");
  }
}

bool NodeLease::live_by_other_times(const NodeWords& self, const std::vector<Lease>& leases) const {
  return std::any_of(leases.begin(), leases.end(), [&](const Lease& lease) {
    const NodeWords other = NodeWords::parse(lease.text);
    return lease.name != name_ && !other.forgotten && lease.age < other.ttl &&
           holds_to_other_times(other, self);
  });
}

bool NodeLease::acquire(const NodeWords& self) {
  const auto sent = settings_.now();
  if (!leases_.acquire(name_, epoch_, settings_.times.ttl, self.text())) return false;
  const std::lock_guard lock(mutex_);
  sent_ = sent, back_in_ = self.back_in;
  return true;
}

bool NodeLease::renew(const NodeWords& self) {
  const auto sent = settings_.now();
  if (!leases_.renew(name_, epoch_, settings_.times.ttl, self.text())) return false;
  const std::lock_guard lock(mutex_);
  sent_ = sent, back_in_ = self.back_in;
  return true;
}

// A run was told to go on for as long as the others wait, by the last renewal that is known to have
// been done.  So that time is taken back no faster than it passes.
NodeWords NodeLease::words() const {
  NodeWords out = words_();
  const std::lock_guard lock(mutex_);
  out.draining = wish_.drain;
  Span left = back_in_;
  if (sent_) left -= std::chrono::duration_cast<Span>(settings_.now() - *sent_);
  out.back_in = std::max({wish_.back_in, left, Span(0)});
  return out;
}

// In our former life.
void NodeLease::was_said(Span back_in) {
  const std::lock_guard lock(mutex_);
  back_in_ = std::max(back_in, Span(0));
}

bool NodeLease::beat() try {
  const NodeWords self = words();
  const bool is_renewed = renew(self);
  const auto leases = look();
  if (is_renewed) {
    const NodeWords now = words();  // the others hear at once what is new
    if (now.draining != self.draining || now.back_in > self.back_in) renew(now);
    return keep_duties(), true;
  }
  // Over, while the store was away or we were.  It is ours again where nobody else had it: who
  // comes between this look and acquire() makes that fail.  And where the others, which may have
  // been started anew meanwhile, have not begun to live by other times (nodes/times_kept.h).
  const bool is_ours = std::any_of(leases.begin(), leases.end(), [this](const Lease& lease) {
    return lease.name == name_ && lease.holder == epoch_;
  });
  if (is_ours && !live_by_other_times(self, leases) && acquire(self) &&
      !live_by_other_times(self, look()))
    return true;
  const std::lock_guard lock(mutex_);
  sent_.reset();
  return false;
} catch (const Error&) {
  const std::lock_guard lock(mutex_);
  observer_.saw_nothing(settings_.now());
  throw;
}

void NodeLease::keep(std::function<void()> lost, std::function<void()> looked) {
  heartbeat_.start(settings_.times.renew_every(),
                   [this, lost = std::move(lost), looked = std::move(looked)] {
                     const bool is_ours = beat();
                     is_ours ? looked() : lost();
                     return is_ours;
                   });
}

void NodeLease::saw_run(const std::string& job_id, const std::string& watcher,
                        const std::string& revision) {
  const std::lock_guard lock(mutex_);
  observer_.saw_run(job_id, watcher, revision);
}

void NodeLease::forget_run(const std::string& job_id) {
  const std::lock_guard lock(mutex_);
  observer_.forget_run(job_id);
}

bool NodeLease::is_lost(const std::string& job_id) const {
  const std::lock_guard lock(mutex_);
  return observer_.is_lost(job_id, settings_.times);
}

bool NodeLease::has_duty(const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    duties_.insert(name);
  }
  return take_duty(name, leases_.held(kDutyLease));
}

void NodeLease::keep_duties() {
  std::set<std::string> duties;
  {
    const std::lock_guard lock(mutex_);
    duties = duties_;
  }
  if (duties.empty()) return;
  const auto held = leases_.held(kDutyLease);
  for (const auto& name : duties) take_duty(name, held);
}

// The holder of a duty is the epoch of its node.
bool NodeLease::take_duty(const std::string& name, const std::vector<Lease>& held) {
  const std::string lease = std::string(kDutyLease) + name;
  const auto mine =
      std::find_if(held.begin(), held.end(), [&](const Lease& one) { return one.name == lease; });
  const bool is_held = mine != held.end();
  const Span ttl = settings_.times.ttl;
  switch (duty_step(is_held ? mine->holder : "", is_held ? mine->age : Span(0), epoch_, standing(),
                    is_draining(), settings_.times)) {
    case DutyStep::leave:
      return false;
    case DutyStep::acquire:
      return leases_.acquire(lease, epoch_, ttl, id_);
    case DutyStep::renew:
      return leases_.renew(lease, epoch_, ttl, id_) || leases_.acquire(lease, epoch_, ttl, id_);
    case DutyStep::release:
      leases_.release(lease, epoch_);
  }
  return false;
}

std::vector<Lease> NodeLease::look() {
  const std::lock_guard one(looking_);
  auto leases = leases_.held(kNodeLease);
  const auto wishes = wishes_in(leases_);
  const std::int64_t own = words_().time;
  const std::lock_guard lock(mutex_);
  observer_.saw(settings_.now(), leases);
  const auto wish_of = [&](const std::string& node) {
    const auto wish = wishes.find(node);
    return wish == wishes.end() ? Wish() : wish->second;
  };
  wish_ = wish_of(id_);
  seen_.clear();
  for (const Lease& lease : leases) {
    Seen seen{NodeWords::parse(lease.text), lease.holder, lease.age, {}, false, {}, {}};
    seen.words.node = lease.name.substr(kNodeLease.size());
    seen.wish = wish_of(seen.words.node);
    seen.unchanged = observer_.unchanged(seen.words.node).value_or(Span(0));
    seen.is_dead = seen.words.forgotten || observer_.is_dead(seen.words.node, settings_.times);
    seen.skew = skew(own, seen.words, lease.age);
    seen_.push_back(std::move(seen));
  }
  return leases;
}

std::optional<NodeLease::Span> NodeLease::since_sent() const {
  const std::lock_guard lock(mutex_);
  if (!sent_) return std::nullopt;
  return std::chrono::duration_cast<Span>(settings_.now() - *sent_);
}

Standing NodeLease::standing() const {
  return domed::standing(since_sent(), settings_.times);
}

std::optional<NodeLease::Span> NodeLease::tell(const std::string& job_id) {
  {
    const std::lock_guard lock(mutex_);
    observer_.heard(job_id);
  }
  return stop_in();
}

std::optional<NodeLease::Span> NodeLease::stop_in() const {
  const auto left =
      settings_.times.stop_in(settings_.times.ttl - since_sent().value_or(Span::max() / 2));
  if (!left) return std::nullopt;
  return *left + back_in();
}

NodeLease::Span NodeLease::back_in() const {
  const std::lock_guard lock(mutex_);
  return back_in_;
}

bool NodeLease::is_forgotten(const std::string& node) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(seen_.begin(), seen_.end(), [&](const Seen& seen) {
    return seen.words.node == node && seen.words.forgotten;
  });
}

bool NodeLease::is_draining() const {
  const std::lock_guard lock(mutex_);
  return wish_.drain;
}

void NodeLease::wish(const std::string& node, const Wish& wish) {
  put_wish(leases_, node, wish);
  look();
}

void NodeLease::take_wish_back(const std::string& node) {
  domed::take_wish_back(leases_, node);
  look();
}

// The engine decides whether it lives.  It keeps its words, by which a later life of it has its
// lease at once; one that was only cut off finds that the lease is another's, and lets go of the
// store.
bool NodeLease::forget(const NodeWords& node) {
  NodeWords words = node;
  words.forgotten = true;
  const bool is_done =
      node.node != id_ && leases_.acquire(std::string(kNodeLease) + node.node, kForgotten,
                                          settings_.times.ttl, words.text());
  if (is_done) domed::take_wish_back(leases_, node.node);
  look();
  return is_done;
}

void NodeLease::let_go(const std::string& node) {
  leases_.release(std::string(kNodeLease) + node, kForgotten);
}

bool NodeLease::is_dead(const std::string& node) const {
  if (is_forgotten(node)) return true;
  const std::lock_guard lock(mutex_);
  return observer_.is_dead(node, settings_.times);
}

bool NodeLease::is_over(const std::string& node, const std::string& epoch) const {
  if (node == id_ && epoch == epoch_) return false;
  const std::lock_guard lock(mutex_);
  return std::none_of(seen_.begin(), seen_.end(), [&](const Seen& seen) {
    return seen.words.node == node && seen.epoch == epoch && seen.unrenewed < settings_.times.ttl;
  });
}

std::vector<NodeLease::Seen> NodeLease::nodes() const {
  const std::lock_guard lock(mutex_);
  return seen_;
}

std::vector<std::string> NodeLease::endpoints_of_others() const {
  const auto all = nodes();
  std::string machine;
  for (const Seen& node : all)
    if (node.words.node == id_) machine = node.words.machine;
  std::vector<std::string> out;
  for (const Seen& node : all) {
    if (node.words.node == id_ || node.unrenewed > settings_.times.ttl) continue;
    const bool is_here = !machine.empty() && node.words.machine == machine;
    for (const std::string& url : node.words.endpoints)
      if (url.starts_with("tcp:") || url.starts_with("tls+tcp:") ||
          (is_here && url.starts_with("ipc:")))
        out.push_back(url);
  }
  return out;
}

}  // namespace domed

// Who breaks things: one after the other, by dice of its own, and mends each when its time is over.
#include <algorithm>

#include "nodes.h"

namespace domed::soak {
namespace {

using namespace std::chrono_literals;

constexpr auto kStop = 15s;  // a daemon that is told to stop is gone by then

}  // namespace

void NodesSoak::tell(const std::string& node, const std::string& what) {
  recorder_->write("chaos", "daemon", {{"node", node}, {"state", what}});
  ++actions_[what];
}

// Half of those who follow there leave; the others wait until it is back.
void NodesSoak::set_away(std::size_t node, bool away) {
  const std::lock_guard lock(mutex_);
  Node& of = nodes_[node];
  const auto now = Clock::now();
  if (away) {
    of.away_since = std::min(of.away_since, now);
    bool leaves = true;
    for (auto* follow : of.follows)
      if (std::exchange(leaves, !leaves)) follow->request_stop();
  } else if (of.away_since != Clock::time_point::max()) {
    away_.push_back({node, std::exchange(of.away_since, Clock::time_point::max()), now});
  }
}

void NodesSoak::break_things() {
  Dice dice(options_.seed * 1000 + 999);
  while (!done_) try {
      const auto next = Clock::now() + std::chrono::milliseconds(200 + dice() % 2000);
      while (Clock::now() < next && !done_) {
        std::this_thread::sleep_for(20ms);
        mend(Clock::now());
      }
      if (going_on()) act(dice);
    } catch (const std::exception& e) {
      failed_ = true;
      problem(e.what());
      break;
    }
  mend_all();
}

void NodesSoak::act(Dice& dice) {
  const auto kind = dice() % 100;
  if (kind < 14) return hurt_database(dice);
  if (kind < 17) return roll();
  act_on(dice() % nodes_.size(), dice);
}

void NodesSoak::act_on(std::size_t node, Dice& dice) {
  const auto kind = dice() % 100;
  // Long enough to be dead for the others, one at a time; else too short to lose anything.
  const bool is_long = dice() % 4 == 0;
  const std::chrono::milliseconds soon(dice() % 3000), while_(200 + dice() % 5000),
      dead(24'000 + dice() % 8000);
  if (kind < 12) return kill_runner(node, dice);
  if (nodes_[node].is_hurt || (is_long && Clock::now() < long_until_)) return;
  if (is_long) long_until_ = Clock::now() + dead + 5s;
  const auto time = is_long ? dead : while_;
  faults::DaemonProcess& daemon = *nodes_[node].daemon;
  Wire& wire = *nodes_[node].wire;
  const auto mend_wire = [this, node, &wire] {
    wire.become(Wire::Line::open);
    nodes_[node].is_hurt = false;
    set_away(node, false);
  };
  const auto comes = [this, node] { come_back(node); };
  if (kind < 42) {
    hurt(
        node, "killed", is_long ? dead : soon, [&] { daemon.end(SIGKILL); }, comes);
  } else if (kind < 54) {
    hurt(
        node, "stopped", is_long ? dead : soon, [&] { stop_well(node); }, comes);
  } else if (kind < 76) {
    hurt(
        node, "paused", time, [&] { daemon.send(SIGSTOP); },
        [this, node, &daemon] {
          daemon.send(SIGCONT);
          come_back(node);
        });
  } else if (kind < 88) {
    hurt(
        node, "line dead", time, [&] { wire.become(Wire::Line::dead); }, mend_wire);
  } else {
    hurt(
        node, "line cut", time, [&] { wire.become(Wire::Line::cut); }, mend_wire);
  }
}

void NodesSoak::hurt(std::size_t node, const std::string& what, std::chrono::milliseconds time,
                     const std::function<void()>& begin, const std::function<void()>& end) {
  nodes_[node].is_hurt = true;
  tell(nodes_[node].name, what + (time >= 20s ? " for long" : ""));
  set_away(node, true);
  begin();
  mendings_.push_back({Clock::now() + time, end});
}

void NodesSoak::stop_well(std::size_t node) {
  faults::DaemonProcess& daemon = *nodes_[node].daemon;
  daemon.send(SIGTERM);
  for (const auto until = Clock::now() + kStop; !daemon.ended();) {
    if (Clock::now() > until) {
      problem("the node " + nodes_[node].name + " does not stop:\n" + daemon.last_words());
      return daemon.end(SIGKILL);
    }
    std::this_thread::sleep_for(10ms);
  }
}

// A daemon whose store is away ends at its start: somebody starts it again, as a service manager
// does.
void NodesSoak::come_back(std::size_t node) {
  faults::DaemonProcess& daemon = *nodes_[node].daemon;
  if (!daemon.ended() && daemon.answers()) {
    nodes_[node].is_hurt = false;
    tell(nodes_[node].name, "started");
    return set_away(node, false);
  }
  if (daemon.ended()) daemon.begin();
  mendings_.push_back({Clock::now() + 200ms, [this, node] { come_back(node); }});
}

void NodesSoak::hurt_database(Dice& dice) {
  const auto kind = dice() % 4;
  const std::chrono::milliseconds time(300 + dice() % 5000);
  const bool is_hurt = std::any_of(mendings_.begin(), mendings_.end(),
                                   [](const Mending& one) { return one.of_database; });
  if (is_hurt) return;
  if (options_.failover && !std::exchange(has_failed_over_, true)) return fail_over();
  const auto back = [this, from = Clock::now()] {
    const std::lock_guard lock(mutex_);
    for (std::size_t node = 0; node < nodes_.size(); ++node)
      away_.push_back({node, from, Clock::now()});
  };
  if (kind < 2) {
    tell("database", kind == 0 ? "crashed" : "restarted");
    database_.control(kind == 0 ? "-m immediate restart" : "-m fast restart");
    back();
  } else if (kind == 2) {
    tell("database", "paused");
    database_.send(SIGSTOP);
    mendings_.push_back({Clock::now() + time,
                         [this, back] {
                           database_.send(SIGCONT);
                           back();
                         },
                         true});
  } else {
    tell("database", "away");
    database_.control("-m fast stop");
    mendings_.push_back({Clock::now() + time,
                         [this, back] {
                           database_.control("start");
                           back();
                         },
                         true});
  }
}

// Nothing that was acknowledged is lost: the standby had it before.  For whoever checks it is
// another store all the same: logs that were not over have another name there, and those that were
// are the same in both (`Parity`).
void NodesSoak::fail_over() {
  tell("database", "failed over");
  const auto from = Clock::now();
  database_.fail_over();
  recorder_->begin(options_.store + ", failed over", "power");
  for (Node& node : nodes_) node.wire->lead_to(database_.socket());
  const std::lock_guard lock(mutex_);
  for (std::size_t node = 0; node < nodes_.size(); ++node)
    away_.push_back({node, from, Clock::now()});
}

// The daemon removes a run's directory when it is settled, so the pid is a living runner's or that
// of a process that has just ended.
void NodesSoak::kill_runner(std::size_t node, Dice& dice) {
  std::vector<std::string> runs;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t i = jobs_.size() > 40 ? jobs_.size() - 40 : 0; i < jobs_.size(); ++i)
      if (!jobs_[i].expected.empty()) runs.push_back(jobs_[i].run_id);
  }
  if (runs.empty()) return;
  const std::string run = runs[dice() % runs.size()];
  const pid_t pid = nodes_[node].daemon->runner(run);
  if (pid <= 0) return;
  {
    const std::lock_guard lock(mutex_);
    killed_runs_.insert(run);
  }
  if (kill(pid, SIGKILL) == 0) tell(nodes_[node].name, "runner killed");
}

// One after the other, as for a new release.
void NodesSoak::roll() {
  if (!mendings_.empty()) return;
  for (std::size_t node = 0; node < nodes_.size(); ++node) {
    tell(nodes_[node].name, "rolled");
    set_away(node, true);
    stop_well(node);
    nodes_[node].daemon->start();
    set_away(node, false);
  }
}

void NodesSoak::mend(Clock::time_point now) {
  std::vector<Mending> due;
  std::erase_if(mendings_, [&](Mending& one) {
    if (one.due > now) return false;
    due.push_back(std::move(one));
    return true;
  });
  for (const Mending& one : due) one.mend();
}

void NodesSoak::mend_all() {
  const auto until = Clock::now() + 120s;
  while (!mendings_.empty() && Clock::now() < until) {
    for (Mending& one : mendings_) one.due = std::min(one.due, Clock::now());
    mend(Clock::now());
    std::this_thread::sleep_for(100ms);
  }
  for (const Node& node : nodes_)
    if (node.is_hurt)
      problem("the node " + node.name + " did not come back:\n" + node.daemon->last_words());
}

}  // namespace domed::soak

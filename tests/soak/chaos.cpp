#include <csignal>

#include "soak.h"

namespace domed::soak {

using namespace std::chrono_literals;

// At random points; where a number of kills is asked for, kills alone.
void Soak::break_things() {
  Dice dice(options_.seed * 1000 + 999);
  while (options_.jobs == 0) {
    {
      std::unique_lock lock(mutex_);
      if (quiet_.wait_for(lock, std::chrono::milliseconds(50 + dice() % 500),
                          [this] { return done_; }))
        return;
    }
    if (!going_on()) return;
    if (!options_.disturb.empty() && dice() % 4 == 0) disturb();
    try {
      const auto what = options_.kills > 0 ? 0 : dice() % 6;
      if (what == 0 && durable()) {
        kill_daemon();
      } else if (what == 1) {
        kill_runner(dice);
      } else if (what == 2 && durable()) {
        kill_runner(dice);
        kill_daemon();
      } else {
        proxy_->cut();
        ++cuts_;
      }
    } catch (const std::exception& e) {
      failed_ = true;
      return problem(e.what());
    }
  }
}

void Soak::kill_daemon() {
  daemon_->end(SIGKILL);
  recorder_->write("chaos", "daemon", {{"state", "killed"}});
  ++kills_;
  daemon_->start();
  recorder_->write("chaos", "daemon", {{"state", "started"}});
}

// Only here, where the daemon serves: at its start it would rather end than wait for its store.
void Soak::disturb() {
  std::ofstream file(options_.disturb);
  file.close();
  if (!file) return problem("cannot make " + options_.disturb);
  ++disturbances_;
}

std::optional<Job> Soak::any_command(Dice& dice) {
  const std::lock_guard lock(mutex_);
  std::vector<const Job*> commands;
  const std::size_t recent = jobs_.size() > 20 ? jobs_.size() - 20 : 0;
  for (std::size_t i = recent; i < jobs_.size(); ++i)
    if (!jobs_[i].expected.empty()) commands.push_back(&jobs_[i]);
  if (commands.empty()) return std::nullopt;
  return *commands[dice() % commands.size()];
}

// The daemon removes a run's directory when it is settled, so the pid is a living
// runner's or that of a process that has just ended.
void Soak::kill_runner(Dice& dice) {
  const auto job = any_command(dice);
  const pid_t pid = job ? daemon_->runner(job->run_id) : 0;
  if (pid > 0 && kill(pid, SIGKILL) == 0) ++runner_kills_;
}

}  // namespace domed::soak

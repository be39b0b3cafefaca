#include "disturbance.h"

#include "command.h"
#include "target.h"

namespace conformance {

void Disturbance::step() {
  if (target.disturb.empty() || steps_++ % every_ != 0) return;
  wait();
  running_ = std::thread([] { run_command("--disturb", target.disturb); });
  if (steps_ / every_ % 2 == 0) wait();
}

void Disturbance::wait() {
  if (running_.joinable()) running_.join();
}

}  // namespace conformance

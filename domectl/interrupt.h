#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace domed::ctl {

// Gives SIGINT, SIGTERM and SIGHUP to a function instead of ending the program,
// from a thread of its own, for as long as it lives.
class Interrupt {
 public:
  using Handler = std::function<void(int signal)>;
  explicit Interrupt(Handler handler);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

 private:
  std::atomic<bool> ending_{false};
  std::thread thread_;
};

}  // namespace domed::ctl

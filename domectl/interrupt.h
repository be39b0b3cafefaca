#pragma once

#include <atomic>
#include <functional>
#include <stop_token>
#include <thread>

#include "system/fd.h"

namespace domed::ctl {

// Gives SIGINT, SIGTERM and SIGHUP to a function instead of ending the program, from a
// thread of its own, for as long as it lives.  A signal that was ignored when the program
// began stays ignored (nohup; a shell's background jobs).
//
// Whoever interrupts a program waits for nothing, be it a daemon that does not answer or a
// reader that does not read: where the function says that the program is to leave, and it
// has not in a moment, it is ended from here.
class Interrupt {
 public:
  struct Hooks {
    // Whether the program is to leave.  SIGPIPE: nobody reads standard output any more.
    std::function<bool(int signal)> signaled;
    std::function<void()> last_words;  // before the program is ended from here
    bool watch_reader = false;         // notice a reader that leaves before anything is written
  };
  explicit Interrupt(Hooks hooks);
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

 private:
  void work();
  bool ends_within(int milliseconds) const;
  [[noreturn]] void end_here(int signal) const;

  const Hooks hooks_;
  Fd signals_, end_;
  std::thread thread_;
};

// Stops a verb at the first signal.
class StopBySignal {
 public:
  explicit StopBySignal(std::function<void()> last_words = {}, bool watch_reader = false);

  std::stop_token token() const { return stop_.get_token(); }
  bool stopped() const { return stop_.stop_requested(); }
  // The exit code, where it was stopped.
  int code() const;

 private:
  std::stop_source stop_;
  std::atomic<int> signal_{0};
  Interrupt interrupt_;
};

}  // namespace domed::ctl

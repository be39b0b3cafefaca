#pragma once

#include <thread>

namespace conformance {

// Runs the command of --disturb now and then while it lives, in turn so that the test waits
// for its end (the engine is gone between two calls) and so that it goes on meanwhile (the
// engine goes away inside of one).  Does nothing without --disturb.
class Disturbance {
 public:
  // The command is run at the first of each "every" steps.
  explicit Disturbance(int every) : every_(every) {}
  Disturbance(const Disturbance&) = delete;
  Disturbance& operator=(const Disturbance&) = delete;
  ~Disturbance() { wait(); }

  // By one thread.
  void step();

 private:
  void wait();

  const int every_;
  int steps_ = 0;
  std::thread running_;
};

}  // namespace conformance

#pragma once

#include <pthread.h>
#include <signal.h>

namespace domed {

// While it lives, threads that are made take no signal: those are meant for the program, which
// waits for them elsewhere.
class Unsignalled {
 public:
  Unsignalled() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~Unsignalled() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Unsignalled(const Unsignalled&) = delete;
  Unsignalled& operator=(const Unsignalled&) = delete;

 private:
  sigset_t before_;
};

}  // namespace domed

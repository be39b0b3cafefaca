#pragma once

#include <pthread.h>
#include <signal.h>

namespace domed {

// Not what a thread does to itself: a fault must end the program, and be told by who watches it.
inline sigset_t all_but_faults() {
  sigset_t all;
  sigfillset(&all);
  for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}) sigdelset(&all, fault);
  return all;
}

// Blocks signals in the calling thread, and in those that it makes: they are meant for the
// program, which waits for them elsewhere.
inline void block_signals() {
  const sigset_t all = all_but_faults();
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

// The same while it lives, for threads that are made meanwhile.
class Unsignalled {
 public:
  Unsignalled() {
    const sigset_t all = all_but_faults();
    pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  ~Unsignalled() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Unsignalled(const Unsignalled&) = delete;
  Unsignalled& operator=(const Unsignalled&) = delete;

 private:
  sigset_t before_;
};

}  // namespace domed

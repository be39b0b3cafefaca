#include "domectl/interrupt.h"

#include <pthread.h>
#include <signal.h>

namespace domed::ctl {
namespace {

constexpr timespec kLookUp{0, 100'000'000};

sigset_t signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set, signal);
  return set;
}

}  // namespace

Interrupt::Interrupt(Handler handler) {
  const sigset_t set = signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  thread_ = std::thread([this, set, handler = std::move(handler)] {
    while (!ending_)
      if (const int signal = sigtimedwait(&set, nullptr, &kLookUp); signal > 0) handler(signal);
  });
}

Interrupt::~Interrupt() {
  ending_ = true;
  thread_.join();
  const sigset_t set = signals();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace domed::ctl

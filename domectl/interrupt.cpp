#include "domectl/interrupt.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <iterator>

#include "domectl/keyboard.h"
#include "domectl/outcome.h"
#include "domectl/output_file.h"

namespace domed::ctl {
namespace {

// To leave by itself: enough for what is under way, and not felt as a delay.
constexpr int kGraceMs = 300;

// As nohup and shells without job control arrange it; whoever did so did not mean "except for
// domectl".
bool is_ignored(int signal) {
  struct sigaction action {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

sigset_t heeded() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    if (!is_ignored(signal)) sigaddset(&set, signal);
  return set;
}

// A terminal that was stopped (Ctrl-S) would hold up even the last words.
bool takes_words(int fd) {
  pollfd room{fd, POLLOUT, 0};
  return poll(&room, 1, 0) == 1 && (room.revents & POLLOUT);
}

int exit_code(int signal) {
  return signal == SIGPIPE ? kReaderGone : kCanceled;
}

}  // namespace

Interrupt::Interrupt(Hooks hooks)
    : hooks_(std::move(hooks)), end_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  const sigset_t set = heeded();
  // By signalfd and a thread, not by a handler: what is to be done takes locks and speaks to the
  // daemon, of which a handler may do nothing.  Blocked before the thread begins, which inherits
  // that.
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signals_ = Fd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  thread_ = std::thread([this] { work(); });
}

Interrupt::~Interrupt() {
  eventfd_write(end_.get(), 1);
  thread_.join();
  const sigset_t set = heeded();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

void Interrupt::work() {
  pollfd fds[] = {{end_.get(), POLLIN, 0},
                  {signals_.get(), POLLIN, 0},
                  {hooks_.watch_reader ? STDOUT_FILENO : -1, 0, 0}};
  for (;;) {
    if (poll(fds, std::size(fds), -1) < 0) continue;
    if (fds[0].revents) return;
    int signal = 0;
    signalfd_siginfo info;
    if (fds[1].revents && read(signals_.get(), &info, sizeof info) == sizeof info)
      signal = static_cast<int>(info.ssi_signo);
    // Standard output asks for nothing (events 0), so that only its end is told: a reader that went
    // away before there was anything to write to it.
    if (fds[2].revents) {
      fds[2].fd = -1;
      if (signal == 0 && (fds[2].revents & (POLLERR | POLLHUP))) signal = SIGPIPE;
    }
    if (signal == 0 || !hooks_.signaled(signal)) continue;
    if (ends_within(kGraceMs)) return;
    end_here(signal);
  }
}

bool Interrupt::ends_within(int milliseconds) const {
  pollfd end{end_.get(), POLLIN, 0};
  return poll(&end, 1, milliseconds) > 0;
}

// Destructors would wait for what did not end in time.
void Interrupt::end_here(int signal) const {
  Keyboard::put_terminal_back();
  discard_output();
  if (hooks_.last_words && takes_words(STDERR_FILENO)) hooks_.last_words();
  _exit(exit_code(signal));
}

StopBySignal::StopBySignal(std::function<void()> last_words, bool watch_reader)
    : interrupt_({[this](int signal) {
                    signal_ = signal;
                    stop_.request_stop();
                    return true;
                  },
                  std::move(last_words), watch_reader}) {}

int StopBySignal::code() const {
  return exit_code(signal_);
}

}  // namespace domed::ctl

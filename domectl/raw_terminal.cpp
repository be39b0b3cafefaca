#include "domectl/raw_terminal.h"

#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace domed::ctl {
namespace {

// Static, so that the thread that ends the program can put it back.
termios before{};
std::atomic<bool> changed{false};

void restore(int when) {
  if (changed.exchange(false)) tcsetattr(STDIN_FILENO, when, &before);
}

std::atomic<int> resized{-1};  // an eventfd

void window_changed(int) {
  // A handler may come between a call and the look at its errno.
  const int error = errno;
  eventfd_write(resized, 1);
  errno = error;
}

}  // namespace

RawTerminal::RawTerminal() {
  if (tcgetattr(STDIN_FILENO, &before) != 0) return;
  termios raw = before;
  cfmakeraw(&raw);
  changed = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

RawTerminal::~RawTerminal() {
  restore(TCSADRAIN);
}

void RawTerminal::put_back() {
  restore(TCSANOW);
}

WindowWatch::WindowWatch() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  resized = fd_.get();
  struct sigaction action {};
  action.sa_handler = window_changed;
  action.sa_flags = SA_RESTART;
  sigaction(SIGWINCH, &action, &before_);
}

WindowWatch::~WindowWatch() {
  sigaction(SIGWINCH, &before_, nullptr);
}

}  // namespace domed::ctl

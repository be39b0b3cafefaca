#include "domectl/keyboard.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/json.h"
#include "domed/support/hash.h"
#include "system/unix_socket.h"

namespace domed::ctl {
namespace {

constexpr int kTryAgainMs = 50;  // until the command has begun

std::atomic<int> resized{-1};  // an eventfd

void window_changed(int) {
  // A handler may come between a call and the look at its errno.
  const int error = errno;
  eventfd_write(resized, 1);
  errno = error;
}

// Every key as it is, nothing echoed, and the output untouched: the job's own terminal
// has done all of that.
class RawTerminal {
 public:
  RawTerminal() {
    // Static, so that the thread that ends the program can put it back: nobody gets a shell without
    // echo because a daemon hung.
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios raw = before_;
    cfmakeraw(&raw);
    changed_ = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
  }
  RawTerminal(const RawTerminal&) = delete;
  ~RawTerminal() { put_back(TCSADRAIN); }
  static void put_back(int when) {
    if (changed_.exchange(false)) tcsetattr(STDIN_FILENO, when, &before_);
  }

 private:
  inline static termios before_{};
  inline static std::atomic<bool> changed_{false};
};

// Tells of changes of the window's size while it lives.
class WindowWatch {
 public:
  WindowWatch() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    resized = fd_.get();
    struct sigaction action {};
    action.sa_handler = window_changed;
    action.sa_flags = SA_RESTART;
    sigaction(SIGWINCH, &action, &before_);
  }
  WindowWatch(const WindowWatch&) = delete;
  ~WindowWatch() { sigaction(SIGWINCH, &before_, nullptr); }
  int fd() const { return fd_.get(); }

 private:
  Fd fd_;
  struct sigaction before_ {};
};

}  // namespace

std::string LeaveKeys::pass(std::string_view typed, bool& leaves) {
  std::string out;
  for (const char c : typed) {
    if (tilde_ && c == '.') {
      leaves = true;
      return out;
    }
    // A tilde that begins a line is held back until the next key tells whether it was meant.  As
    // ssh does it, whose users know it.
    if (std::exchange(tilde_, false)) out += '~';
    tilde_ = line_begins_ && c == '~';
    if (!tilde_) out += c;
    line_begins_ = c == '\r' || c == '\n';
  }
  return out;
}

void Keyboard::put_terminal_back() {
  RawTerminal::put_back(TCSANOW);
}

bool Keyboard::there() {
  return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

Keyboard::Keyboard(std::string socket, std::function<void()> leave)
    : socket_(std::move(socket)),
      leave_(std::move(leave)),
      end_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      thread_([this] { work(); }) {}

Keyboard::~Keyboard() {
  eventfd_write(end_.get(), 1);
  thread_.join();
}

void Keyboard::work() {
  // The runner makes its socket when it starts the command, some time after the job was submitted.
  while (!connect()) {
    pollfd end{end_.get(), POLLIN, 0};
    if (poll(&end, 1, kTryAgainMs) > 0) return;
  }
  type();
}

bool Keyboard::connect() {
  Fd link(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const std::filesystem::path path(socket_);
  if (!link || !at_socket(::connect, link, path.parent_path(), path.filename())) return false;
  link_ = std::move(link);
  return true;
}

void Keyboard::type() {
  // Only now: until somebody takes the keys, Ctrl-C is to end domectl as ever.
  const RawTerminal raw;
  const WindowWatch window;
  LeaveKeys keys;
  send_window();
  for (;;) {
    pollfd fds[] = {{end_.get(), POLLIN, 0},
                    {link_.get(), POLLRDHUP, 0},
                    {window.fd(), POLLIN, 0},
                    {STDIN_FILENO, POLLIN, 0}};
    if (poll(fds, std::size(fds), -1) < 0 && errno != EINTR) return;
    if (fds[0].revents || fds[1].revents) return;
    eventfd_t ignored;
    if (fds[2].revents && eventfd_read(window.fd(), &ignored) == 0) send_window();
    if (fds[3].revents && !pass_keys(keys)) return;
  }
}

// False: nothing more is typed.
bool Keyboard::pass_keys(LeaveKeys& keys) {
  char buffer[1024];
  const ssize_t n = ::read(STDIN_FILENO, buffer, sizeof buffer);
  if (n <= 0) return n < 0 && errno == EINTR;
  bool leaves = false;
  const std::string typed =
      keys.pass(std::string_view(buffer, static_cast<std::size_t>(n)), leaves);
  if (!typed.empty() && !send(Json{{"b64", to_base64(typed)}}.dump())) return false;
  if (leaves) leave_();
  return !leaves;
}

void Keyboard::send_window() {
  winsize window{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_row > 0 && window.ws_col > 0)
    send(Json{{"rows", window.ws_row}, {"columns", window.ws_col}}.dump());
}

bool Keyboard::send(const std::string& line) {
  const std::string text = line + "\n";
  for (std::size_t done = 0; done < text.size();) {
    // A command that reads nothing lets its terminal fill up, then this socket: who typed must
    // still be able to leave.
    pollfd fds[] = {{link_.get(), POLLOUT, 0}, {end_.get(), POLLIN, 0}};
    if (poll(fds, std::size(fds), -1) < 0 && errno != EINTR) return false;
    if (fds[1].revents) return false;
    const ssize_t n =
        ::send(link_.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace domed::ctl

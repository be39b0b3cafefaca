#include "domectl/keyboard.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/json.h"
#include "domectl/raw_terminal.h"
#include "domed/support/hash.h"
#include "system/unix_socket.h"

namespace domed::ctl {
namespace {

constexpr int kTryAgainMs = 50;  // until the command has begun
constexpr int kRedrawMs = 100;   // for the command to notice that its window was smaller

// What a program that fills the screen has changed of the terminal, and would have put back at its
// end: styles, the cursor, the other screen (where this is not it nothing moves), pasting, the
// mouse, the keypad.
constexpr std::string_view kPutBack =
    "\033[0m\033[?25h\0337\033[?1049l\0338\033[?2004l\033[?1000l\033[?1002l\033[?1003l\033[?1006l"
    "\033[?1l\033>\r\n";

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
  RawTerminal::put_back();
}

bool Keyboard::there() {
  return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1;
}

Keyboard::Keyboard(std::string socket, std::function<void()> leave, bool redraw)
    : socket_(std::move(socket)),
      leave_(std::move(leave)),
      redraw_(redraw),
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
  // Programs paint anew when their window changes, and only then.
  bool redraws = redraw_;
  send_window(redraws);
  for (;;) {
    pollfd fds[] = {{end_.get(), POLLIN, 0},
                    {link_.get(), POLLRDHUP, 0},
                    {window.fd(), POLLIN, 0},
                    {STDIN_FILENO, POLLIN, 0}};
    const int ready = poll(fds, std::size(fds), redraws ? kRedrawMs : -1);
    if (ready < 0 && errno != EINTR) return;
    if (fds[0].revents || fds[1].revents) return;
    if (ready == 0 && std::exchange(redraws, false)) send_window();
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
  if (!leaves) return true;
  if (::write(STDOUT_FILENO, kPutBack.data(), kPutBack.size()) < 0) {
  }  // then nobody looks at it
  leave_();
  return false;
}

void Keyboard::send_window(bool smaller) {
  winsize window{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_row == 0 || window.ws_col == 0)
    return;
  if (smaller && window.ws_row > 1) --window.ws_row;
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

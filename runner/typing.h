#pragma once

#include <poll.h>

#include <span>
#include <string>
#include <string_view>

#include "runner/files.h"

namespace domed {

// What a person types at a job's terminal, and the size of that person's window.
// They come through a socket in the run's directory, which only the daemon's user
// can enter, as lines of JSON:
//   {"b64":...}                    bytes typed
//   {"rows":...,"columns":...}     the window's size, now
// Who connects last types; one that sends anything else is let go.  What the
// command does not read yet waits, first in the terminal, then with who typed it.
class Typing {
 public:
  static constexpr std::size_t kFds = 3;

  // Makes "directory"/tty.  Throws Error(io).
  explicit Typing(const std::string& directory);

  // What to wait for, for "terminal", our end of it; negative: it is closed.
  void prepare(std::span<pollfd, kFds> fds, int terminal) const;
  // What has happened of that.
  void serve(std::span<const pollfd, kFds> fds, int terminal);

 private:
  void accept_client();
  void read_client(int terminal);
  bool take(std::string_view line, int terminal);
  void write_terminal(int terminal);

  Fd listener_, client_;
  std::string received_;  // a part of a line
  std::string typed_;     // not yet taken by the terminal
};

}  // namespace domed

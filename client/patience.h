#pragma once

#include <chrono>
#include <functional>
#include <string>

namespace domed {

// How long a client's first call waits where nobody listens yet, for a daemon that was started
// a moment ago.
struct Patience {
  std::chrono::milliseconds unseen{0};    // without a sign of a daemon
  std::chrono::milliseconds starting{0};  // in all, while there is one (is_starting())
  // Called once, where the wait goes on because of that sign.
  std::function<void(const std::string& url)> tell = nullptr;
};

// Whether connecting failed with "error" (errno) only because it came too early, or too late: the
// way to "url" is open, and nobody listens at its end.
bool nobody_listens(const std::string& url, int error);

// Whether a daemon is about to listen at "url": one holds the lock beside its ipc socket, which
// it takes before anything that needs time.  Over tcp there is no such sign.
bool is_starting(const std::string& url);

}  // namespace domed

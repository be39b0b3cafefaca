#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "transport/endpoint.h"

namespace domed {

struct WatchdogOptions {
  std::string ping;  // a request that the control server answers at once
  std::chrono::milliseconds period{2'000};
  std::chrono::milliseconds control_timeout{1'000};
  // `daemon` frames come every second.
  std::chrono::milliseconds event_timeout{3'000};
  // Called after each round, on the watchdog's thread; must not block.
  std::function<void()> round = nullptr;
};

// Keeps the daemon's listeners where clients look for them.  One whose socket, lock or directory
// was removed (the last logout, a cleaner of /tmp) is opened anew at once, unless another daemon or
// program has the place by now: that is said in the log, and the place is taken back when it is
// free.  Those of nng's can also die without a sign: they are called as a client would, and opened
// anew where that brings no peer twice in a row.  A listener that takes the connection while no
// answer comes is alive and only reported; what is behind it is stuck then.
class Watchdog {
 public:
  // The endpoints must outlive it.
  Watchdog(WatchdogOptions options, const std::vector<Endpoint*>& control,
           const std::vector<Endpoint*>& events);
  ~Watchdog();  // stop()
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void start();
  // Returns within milliseconds, also out of a check.
  void stop();
  // One round over all listeners, which takes as long as the slowest answer.
  // Returns how many listeners were opened anew.
  std::size_t check_once();

 private:
  class Call;
  struct Watched {
    Endpoint* endpoint;
    bool control;
    int deaf = 0;           // rounds in a row that brought no peer
    int silent = 0;         // rounds in a row that brought a peer and no answer
    std::string trouble{};  // why it cannot be opened anew, as last told
  };
  enum class Fault { moved, deaf };
  // Whether the listener was opened anew.
  bool judge(Watched& watched, bool answered, bool arrived);
  bool reopen(Watched& watched, Fault fault);
  std::size_t put_in_place(std::vector<Watched*>& callable);
  void run();

  const WatchdogOptions options_;
  std::vector<Watched> watched_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace domed

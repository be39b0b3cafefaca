#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "bench/server.h"
#include "system/fd.h"

namespace domed::bench {

// A way to a PostgreSQL server that is as far away as it is told: what goes in at one end comes out
// at the other so much later, in both directions, however much is under way.
class FarWire {
 public:
  // Rewrites "url", whose host is a directory with a server's socket, to lead through it.
  FarWire(const Options& options, std::string& url, std::chrono::microseconds one_way);
  ~FarWire();
  FarWire(const FarWire&) = delete;
  FarWire& operator=(const FarWire&) = delete;

 private:
  // One direction of one connection.
  class Way {
   public:
    Way(const Fd& from, const Fd& to, std::chrono::microseconds delay);
    ~Way();

   private:
    void read();
    std::string some();
    void write();

    const Fd &from_, &to_;
    const std::chrono::microseconds delay_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::pair<std::chrono::steady_clock::time_point, std::string>> under_way_;
    std::jthread reader_, writer_;
  };
  struct Line {
    Fd near, far;
    std::list<Way> ways;
  };
  void accept_all();

  Directory directory_;
  std::string server_;
  const std::chrono::microseconds delay_;
  const Fd listener_;
  std::list<Line> lines_;  // of the thread's until it has ended
  std::jthread thread_;
};

}  // namespace domed::bench

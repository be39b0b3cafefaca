#pragma once

#include <nng/nng.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "protocol/call.h"
#include "transport/refusals.h"

namespace domed {

// Decides who may connect to a socket, and keeps count.  nng has no bound on
// pipes of its own, and a listener that runs out of descriptors stays mute even
// when they come back.  Thread-safe.  Must outlive the socket it is attached to.
class PipeGate {
 public:
  // At most "bound" pipes.  Over ipc only this process's user and root may
  // connect, unless "any_user": then the socket's mode alone decides.
  PipeGate(std::size_t bound, bool any_user) : bound_(bound), any_user_(any_user) {}
  PipeGate(const PipeGate&) = delete;
  PipeGate& operator=(const PipeGate&) = delete;

  // To be called before the socket listens.
  void attach(nng_socket socket);
  // Only pages of these origins may connect to the listener over ws with this id.
  void expect_origins(int listener, std::vector<std::string> origins);
  // "gone" hears of each admitted pipe that left, on a thread of nng's.
  void on_gone(std::function<void(std::uint32_t pipe)> gone);
  // From now on nobody is admitted.
  void shut();

  std::size_t pipes() const;
  // How many peers ever came through the listener with this id, admitted or
  // not: a listener that still brings peers is alive.
  std::uint64_t arrivals(int listener) const;

 private:
  static void arrived(nng_pipe pipe, nng_pipe_ev, void* self);
  static void left(nng_pipe pipe, nng_pipe_ev, void* self);
  // Why the pipe is refused; nullptr: it is not.
  const char* objection(nng_pipe pipe) const;
  bool is_foreign_page(nng_pipe pipe) const;

  const std::size_t bound_;
  const bool any_user_;
  mutable std::mutex mutex_;
  std::function<void(std::uint32_t)> gone_;
  std::unordered_set<std::uint32_t> pipes_;
  std::map<int, std::uint64_t> arrivals_;
  std::map<int, std::vector<std::string>> origins_;
  Refusals refusals_;
  bool shut_ = false;
};

// By which door a request came: "gone" where its sender left already.
Door door_of(nng_pipe pipe);

}  // namespace domed

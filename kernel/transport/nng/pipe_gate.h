#pragma once

#include <nng/nng.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "protocol/call.h"
#include "transport/place.h"
#include "transport/refusals.h"

namespace domed {

// Decides who may connect to a socket, and keeps count.  nng has no bound on
// pipes of its own, and a listener that runs out of descriptors stays mute even
// when they come back.  Thread-safe.  Must outlive the socket it is attached to.
class PipeGate {
 public:
  // At most "bound" pipes.
  explicit PipeGate(std::size_t bound) : bound_(bound) {}
  PipeGate(const PipeGate&) = delete;
  PipeGate& operator=(const PipeGate&) = delete;

  // To be called before the socket listens.
  void attach(nng_socket socket);
  // Who may come by the listener with this id; before it listens.
  void expect(int listener, const Place& place);
  // "gone" hears of each admitted pipe that left, on a thread of nng's.
  void on_gone(std::function<void(std::uint32_t pipe)> gone);
  // From now on nobody is admitted.
  void shut();

  std::size_t pipes() const;
  // Whose pipe it is; null: it left.
  std::shared_ptr<const Caller> caller_of(std::uint32_t pipe) const;
  // Ends those that named themselves by a token that is gone.
  void look_again_at_identities();
  // How many peers ever came through the listener with this id, admitted or
  // not: a listener that still brings peers is alive.
  std::uint64_t arrivals(int listener) const;

 private:
  static void arrived(nng_pipe pipe, nng_pipe_ev, void* self);
  static void left(nng_pipe pipe, nng_pipe_ev, void* self);
  // Why the pipe is refused; nullptr: it is not, and is "caller's".
  const char* objection(nng_pipe pipe, std::shared_ptr<const Caller>& caller) const;

  const std::size_t bound_;
  mutable std::mutex mutex_;
  std::function<void(std::uint32_t)> gone_;
  std::unordered_map<std::uint32_t, std::shared_ptr<const Caller>> pipes_;
  std::map<int, std::uint64_t> arrivals_;
  std::map<int, Place> places_;  // by the listener's id
  Refusals refusals_;
  bool shut_ = false;
};

// By which door a request came: "gone" where its sender left already.
Door door_of(nng_pipe pipe);

}  // namespace domed

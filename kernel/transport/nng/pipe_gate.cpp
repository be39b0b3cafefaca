#include "transport/nng/pipe_gate.h"

#include <nng/transport/ipc/ipc.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "transport/nng/socket.h"

namespace domed {

void PipeGate::attach(nng_socket socket) {
  check_nng(nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, arrived, this), "cannot watch pipes");
  check_nng(nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, left, this), "cannot watch pipes");
}

void PipeGate::on_gone(std::function<void(std::uint32_t)> gone) {
  const std::lock_guard lock(mutex_);
  gone_ = std::move(gone);
}

void PipeGate::shut() {
  const std::lock_guard lock(mutex_);
  shut_ = true;
}

std::size_t PipeGate::pipes() const {
  const std::lock_guard lock(mutex_);
  return pipes_.size();
}

std::uint64_t PipeGate::refused() const {
  const std::lock_guard lock(mutex_);
  return refused_;
}

std::uint64_t PipeGate::arrivals(int listener) const {
  const std::lock_guard lock(mutex_);
  const auto found = arrivals_.find(listener);
  return found == arrivals_.end() ? 0 : found->second;
}

const char* PipeGate::objection(nng_pipe pipe) const {
  if (shut_) return "the daemon is going down";
  if (pipes_.size() >= bound_) return "there are too many connections";
  std::uint64_t uid = 0;
  const int result = nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid);
  if (result == NNG_ENOTSUP || any_user_) return nullptr;  // not ipc: nobody to ask
  if (result != 0) return "its user is unknown";
  return uid == 0 || uid == geteuid() ? nullptr : "it belongs to another user";
}

// Once a second at most: whoever is refused may well try again at once.
void PipeGate::note_refusal(const char* why) {
  ++refused_;
  ++refused_unlogged_;
  const auto now = std::chrono::steady_clock::now();
  if (shut_ || now - logged_ < std::chrono::seconds(1)) return;
  spdlog::warn("refused {} connection(s), the last because {} ({} of {} open)", refused_unlogged_,
               why, pipes_.size(), bound_);
  logged_ = now;
  refused_unlogged_ = 0;
}

void PipeGate::arrived(nng_pipe pipe, nng_pipe_ev, void* self) {
  auto& gate = *static_cast<PipeGate*>(self);
  {
    const std::lock_guard lock(gate.mutex_);
    ++gate.arrivals_[nng_listener_id(nng_pipe_listener(pipe))];
    const char* why = gate.objection(pipe);
    if (!why) {
      gate.pipes_.insert(static_cast<std::uint32_t>(nng_pipe_id(pipe)));
      return;
    }
    gate.note_refusal(why);
  }
  nng_pipe_close(pipe);
}

void PipeGate::left(nng_pipe pipe, nng_pipe_ev, void* self) {
  auto& gate = *static_cast<PipeGate*>(self);
  const auto id = static_cast<std::uint32_t>(nng_pipe_id(pipe));
  std::function<void(std::uint32_t)> gone;
  {
    const std::lock_guard lock(gate.mutex_);
    if (gate.pipes_.erase(id) == 0) return;  // one that was refused
    gone = gate.gone_;
  }
  if (gone) gone(id);
}

}  // namespace domed

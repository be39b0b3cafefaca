#include "transport/nng/pipe_gate.h"

#include <nng/transport/ipc/ipc.h>
#include <strings.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "protocol/endpoint.h"
#include "transport/nng/socket.h"

namespace domed {
namespace {

// The values of every header Origin among "headers", lines of "Name: value"; a
// browser sends one at most.
std::vector<std::string_view> origins_in(std::string_view headers) {
  constexpr std::string_view kName = "origin:";
  std::vector<std::string_view> out;
  while (!headers.empty()) {
    std::string_view line = headers.substr(0, headers.find('\n'));
    headers.remove_prefix(std::min(line.size() + 1, headers.size()));
    if (line.size() < kName.size() || strncasecmp(line.data(), kName.data(), kName.size()) != 0)
      continue;
    line.remove_prefix(kName.size());
    const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
    while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
    while (!line.empty() && is_space(line.back())) line.remove_suffix(1);
    out.push_back(line);
  }
  return out;
}

}  // namespace

void PipeGate::attach(nng_socket socket) {
  check_nng(nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, arrived, this), "cannot watch pipes");
  check_nng(nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, left, this), "cannot watch pipes");
}

void PipeGate::expect(int listener, const Place& place) {
  const std::lock_guard lock(mutex_);
  places_.insert_or_assign(listener, place);
}

namespace {

// nng asks no origin, so that any page that is open in a browser on this machine
// would get through to a socket on loopback.
bool is_foreign_page(nng_pipe pipe, const std::vector<std::string>& expected) {
  char* headers = nullptr;
  // Whose headers cannot be seen may be a page.  A program sends no Origin and passes; a browser
  // cannot leave it out.
  if (nng_pipe_get_string(pipe, NNG_OPT_WS_REQUEST_HEADERS, &headers) != 0) return true;
  const auto found = origins_in(headers);
  const bool listed = std::all_of(found.begin(), found.end(), [&](std::string_view origin) {
    return std::find(expected.begin(), expected.end(), origin) != expected.end();
  });
  nng_strfree(headers);
  return !listed;
}

// nng tells a peer's user and its primary group.
std::shared_ptr<const Caller> caller_at(nng_pipe pipe, const Access& access) {
  std::uint64_t uid = 0, gid = 0;
  const int result = nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid);
  if (result == NNG_ENOTSUP) return access.stranger();  // not ipc: nobody to ask
  if (result != 0 || nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_GID, &gid) != 0) return nullptr;
  return access.user(static_cast<uid_t>(uid),
                     groups_of_user(static_cast<uid_t>(uid), static_cast<gid_t>(gid)));
}

}  // namespace

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

std::uint64_t PipeGate::arrivals(int listener) const {
  const std::lock_guard lock(mutex_);
  const auto found = arrivals_.find(listener);
  return found == arrivals_.end() ? 0 : found->second;
}

std::shared_ptr<const Caller> PipeGate::caller_of(std::uint32_t pipe) const {
  const std::lock_guard lock(mutex_);
  const auto found = pipes_.find(pipe);
  return found == pipes_.end() ? nullptr : found->second;
}

void PipeGate::look_again_at_identities() {
  std::vector<nng_pipe> over;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, caller] : pipes_)
      if (objection_to(*caller)) over.push_back(nng_pipe{id});
  }
  for (const nng_pipe pipe : over) nng_pipe_close(pipe);
}

const char* PipeGate::objection(nng_pipe pipe, std::shared_ptr<const Caller>& caller) const {
  // The cheap ones first: whoever floods us is refused by the second.
  if (shut_) return "the daemon is going down";
  if (pipes_.size() >= bound_) return "there are too many connections";
  const auto place = places_.find(nng_listener_id(nng_pipe_listener(pipe)));
  if (place == places_.end()) return "its listener is not known";
  if (url_scheme(place->second.url) == "ws" && is_foreign_page(pipe, place->second.origins))
    return "it comes from a web page whose origin is not listed";
  caller = caller_at(pipe, *place->second.access);
  return caller ? nullptr : kNoRole;
}

void PipeGate::arrived(nng_pipe pipe, nng_pipe_ev, void* self) {
  auto& gate = *static_cast<PipeGate*>(self);
  {
    const std::lock_guard lock(gate.mutex_);
    ++gate.arrivals_[nng_listener_id(nng_pipe_listener(pipe))];
    std::shared_ptr<const Caller> caller;
    const char* why = gate.objection(pipe, caller);
    if (!why) {
      gate.pipes_[static_cast<std::uint32_t>(nng_pipe_id(pipe))] = std::move(caller);
      return;
    }
    if (!gate.shut_) gate.refusals_.note(why, gate.pipes_.size(), gate.bound_);
  }
  // Without the lock, which left() takes.
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

// nng knows the user behind a pipe of ipc, and of no other.
Door door_of(nng_pipe pipe) {
  std::uint64_t uid = 0;
  const int result = nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_UID, &uid);
  if (result == NNG_ENOTSUP) return Door::network;
  return result == 0 ? Door::ipc : Door::gone;
}

}  // namespace domed

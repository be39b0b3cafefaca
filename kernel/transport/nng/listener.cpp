#include "transport/nng/listener.h"

#include <nng/transport/ipc/ipc.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "domed/error.h"
#include "protocol/endpoint.h"
#include "transport/nng/socket.h"

namespace domed {
namespace {

// Listeners that went deaf and whose connections still serve.  A bound, for each keeps a
// descriptor, and what makes them deaf may come again and again.
constexpr std::size_t kMostRetired = 4;

std::string path_of(const std::string& url) {
  return url_scheme(url) == "ipc" ? url.substr(std::string("ipc://").size()) : "";
}

void close_listener(nng_listener listener) {
  if (nng_listener_id(listener) > 0) nng_listener_close(listener);
}

[[noreturn]] void refuse_listening(const std::string& url, int result) {
  if (result == NNG_EADDRINUSE)
    throw Error(Code::conflict, url +
                                    " is in use by another program: stop it or configure "
                                    "another address");
  throw Error(Code::io, "cannot listen on " + url + ": " + nng_strerror(result) +
                            ": check the address and its permissions");
}

}  // namespace

NngListener::NngListener(nng_socket socket, PipeGate& gate, const Place& place,
                         const ListenOptions& options)
    : socket_(socket),
      gate_(gate),
      place_(std::move(place)),
      url_(place_.url),
      ipc_(path_of(url_), options.group) {
  if (ipc_.path().empty()) check_network_place(place_);
}

NngListener::~NngListener() {
  close_all();
}

void NngListener::close_all() {
  for (const nng_listener listener : retired_) close_listener(listener);
  retired_.clear();
  close_listener(std::exchange(listener_, NNG_LISTENER_INITIALIZER));
}

// A group gets its access afterwards: until then nobody else may connect.
void NngListener::configure(nng_listener listener) const {
  if (!ipc_.path().empty())
    check_nng(nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0600),
              "cannot protect " + url_);
}

void NngListener::start_listener() {
  nng_listener listener = NNG_LISTENER_INITIALIZER;
  if (const int result = nng_listener_create(&listener, socket_, url_.c_str()); result != 0)
    refuse_listening(url_, result);
  // Before it listens: whoever was quicker would not be known.
  gate_.expect(nng_listener_id(listener), place_);
  try {
    configure(listener);
    if (const int result = nng_listener_start(listener, 0); result != 0)
      refuse_listening(url_, result);
    ipc_.opened();
  } catch (...) {
    nng_listener_close(listener);
    throw;
  }
  listener_ = listener;
}

void NngListener::note_bound_port() {
  int port = 0;
  if (nng_listener_get_int(listener_, NNG_OPT_TCP_BOUND_PORT, &port) == 0)
    url_ = with_port(url_, port);
}

void NngListener::listen() {
  const std::lock_guard lock(mutex_);
  start_listener();
  note_bound_port();
}

bool NngListener::in_place() const {
  const std::lock_guard lock(mutex_);
  return ipc_.in_place();
}

// The place first: what another has by now stays theirs.  Over tcp the dead listener
// has to go before its port is free, which takes it a moment; over ipc a new one
// beside it spares the connections.
void NngListener::relisten() {
  const std::lock_guard lock(mutex_);
  ipc_.prepare();
  const bool beside = !ipc_.path().empty() && retired_.size() < kMostRetired;
  if (!beside)
    close_all();
  else if (nng_listener_id(listener_) > 0)
    retired_.push_back(std::exchange(listener_, NNG_LISTENER_INITIALIZER));
  for (int attempt = 0;; ++attempt) try {
      return start_listener();
    } catch (const Error& failure) {
      if (failure.code() != Code::conflict || attempt == 10) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

std::string NngListener::url() const {
  const std::lock_guard lock(mutex_);
  return url_;
}

std::uint64_t NngListener::arrivals() const {
  const std::lock_guard lock(mutex_);
  return gate_.arrivals(nng_listener_id(listener_));
}

bool NngListener::may_go_deaf() const {
  const std::string scheme = url_scheme(url());
  return scheme == "ipc" || scheme == "tcp";
}

}  // namespace domed

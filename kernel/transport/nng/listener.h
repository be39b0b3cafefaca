#pragma once

#include <nng/nng.h>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "transport/endpoint.h"
#include "transport/ipc_path.h"
#include "transport/nng/pipe_gate.h"
#include "transport/place.h"

namespace domed {

// Making one claims the URL (see claim_ipc_path) without listening yet.  The socket and the gate
// must outlive it.
class NngListener : public Endpoint {
 public:
  // Throws Error when the URL cannot be served safely.
  NngListener(nng_socket socket, PipeGate& gate, const Place& place, const ListenOptions& options);
  ~NngListener() override;
  NngListener(const NngListener&) = delete;
  NngListener& operator=(const NngListener&) = delete;

  void listen() override;
  bool in_place() const override;
  void relisten() override;
  std::string url() const override;
  std::uint64_t arrivals() const override;
  // Not ws, which is not called.
  bool may_go_deaf() const override;

 private:
  void start_listener();
  void close_all();
  void configure(nng_listener listener) const;
  void note_bound_port();

  const nng_socket socket_;
  PipeGate& gate_;
  const Place place_;
  mutable std::mutex mutex_;
  std::string url_;
  IpcPlace ipc_;  // of an ipc URL, otherwise empty
  nng_listener listener_ = NNG_LISTENER_INITIALIZER;
  // Dead listeners over ipc, kept because closing one ends its connections and
  // removes whatever lies at the path.
  std::vector<nng_listener> retired_;
};

}  // namespace domed

#pragma once

#include <nng/nng.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "transport/ipc_path.h"
#include "transport/nng/pipe_gate.h"

namespace domed {

// A place to listen at.
struct Place {
  Place(std::string at) : url(std::move(at)) {}  // NOLINT(google-explicit-constructor)
  Place(const char* at) : url(at) {}             // NOLINT(google-explicit-constructor)
  Place(std::string at, std::vector<std::string> from)
      : url(std::move(at)), origins(std::move(from)) {}

  std::string url;
  // ws: the values of the header Origin that are let in.  Who sends none is no web
  // page, and is let in too.
  std::vector<std::string> origins;
};

// How a deployment's sockets are opened to others.
struct ListenOptions {
  std::string group;        // name or number; ipc sockets are its too (0660)
  std::string certificate;  // tls+tcp: PEM file with our certificate and key
  std::string authority;    // tls+tcp: PEM file with the CA of client certificates
};

// One URL that a socket listens on: ipc with an absolute path, tcp and ws on
// loopback only, tls+tcp with client certificates.  Making one claims the URL
// (see claim_ipc_path) without listening yet.  The socket and the gate must
// outlive it.  Thread-safe.
class Endpoint {
 public:
  // Throws Error when the URL cannot be served safely.
  Endpoint(nng_socket socket, PipeGate& gate, Place place, const ListenOptions& options);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  // Throws Error(conflict) when another program has the address.
  void listen();
  // Whether clients that look for us find us: false where the socket's file or its
  // lock, or a directory on the way, was removed or replaced.  Only over ipc.
  bool in_place() const;
  // Listens anew where the listener died or is not in place.  Over ipc the
  // connections there are live on; over others they end.  Throws Error, and leaves
  // all as it is, where another daemon or program has the place by now.
  void relisten();

  // With the port that the system chose, where it was given as 0.
  std::string url() const;
  // Peers that came through the current listener so far.
  std::uint64_t arrivals() const;

 private:
  void take_place();
  void start_listener();
  void close_all();
  void configure(nng_listener listener) const;
  void configure_tls(nng_listener listener) const;
  void note_bound_port();

  const nng_socket socket_;
  PipeGate& gate_;
  const ListenOptions options_;
  const std::string path_;  // of an ipc URL, otherwise empty
  const std::vector<std::string> origins_;
  std::optional<gid_t> group_;
  mutable std::mutex mutex_;
  std::string url_;
  FileLock lock_;
  SocketFile file_;
  nng_listener listener_ = NNG_LISTENER_INITIALIZER;
  // Dead listeners over ipc, kept because closing one ends its connections and
  // removes whatever lies at the path.
  std::vector<nng_listener> retired_;
};

// The URL of shard "n" of an event socket: "url" itself for 0, then an ipc path
// with the suffix ".n", or the port plus n (port 0 stays 0).
std::string shard_url(const std::string& url, std::size_t n);

// Raises the limit on open descriptors as far as it goes, and returns what it was.
std::size_t raise_descriptor_limit();

// How many connections each of "sockets" sockets may hold, so that all
// together leave 256 descriptors for everything else; at most 4096.
std::size_t pipe_bound(std::size_t sockets);

}  // namespace domed

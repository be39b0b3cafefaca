#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "transport/access.h"

namespace domed::tls {
class ServerContext;
}

namespace domed {

// Who speaks the protocol: our own code on plain sockets, or nng.  What a peer sees is the same.
enum class Engine { native, nng };

// A place to listen at.
struct Place {
  Place(std::string at);  // NOLINT(google-explicit-constructor): with no more said of it
  Place(const char* at) : Place(std::string(at)) {}  // NOLINT(google-explicit-constructor)

  std::string url;
  // ws and wss: the values of the header Origin that are let in.  Who sends none is no web
  // page, and is let in too.
  std::vector<std::string> origins;
  std::shared_ptr<const Access> access;  // who may come, and as what
  // tls+tcp and wss: what it shows, and by what it knows its clients; several places may share one.
  std::shared_ptr<tls::ServerContext> tls;
};

// How a deployment's sockets are opened to others.
struct ListenOptions {
  std::string group;               // name or number; ipc sockets are its too (0660)
  Engine engine = Engine::native;  // for ipc, tcp and ws
};

// The engine that serves "url": TLS is our own's, whatever "options" say.
Engine engine_of(const std::string& url, const ListenOptions& options);

// What one engine serves.
struct Share {
  Engine engine;
  std::vector<Place> places;
};
// Who serves "places".  Those with TLS have an engine of their own: a handshake takes milliseconds
// of its thread's time, and nobody else is to wait for that.
std::vector<Share> shares_of(const std::vector<Place>& places, const ListenOptions& options);

// Throws Error where "place" is none that may be listened at over a network: tcp and ws on
// loopback, tls+tcp and wss with a certificate.
void check_network_place(const Place& place);

// The URL of shard "n" of an event socket: "url" itself for 0, then an ipc path
// with the suffix ".n", or the port plus n (port 0 stays 0).
std::string shard_url(const std::string& url, std::size_t n);
Place shard_of(Place place, std::size_t n);

// "url", which ends in a port or has a path behind it, with another port.
std::string with_port(const std::string& url, int port);

// Raises the limit on open descriptors as far as it goes, and returns what it was.
std::size_t raise_descriptor_limit();

// How many connections each of "sockets" sockets may hold, so that all
// together leave 256 descriptors for everything else; at most 16,384.
std::size_t pipe_bound(std::size_t sockets);

}  // namespace domed

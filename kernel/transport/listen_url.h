#pragma once

#include <optional>
#include <string>
#include <vector>

namespace domed {

// What is wrong with "url" as a place to listen at, for "shards" sockets; empty:
// nothing.  Allowed are ipc:// with an absolute path, tcp:// and ws:// on
// loopback, and tls+tcp:// and wss:// anywhere; port 0 takes a free one.
std::string check_listen_url(const std::string& url, int shards = 1);

// The URLs that "shards" sockets at "url" occupy: an ipc path gets ".1", ".2", ...
// behind it, a port counts up.  Empty for port 0.  "url" passed check_listen_url().
std::vector<std::string> listen_places(const std::string& url, int shards);

struct HostPort {
  std::string host;  // without brackets
  std::string port, path;
};
// Of an URL SCHEME://HOST:PORT/PATH; nullopt: it has no host or no port.
std::optional<HostPort> host_port(const std::string& url);

// Whether its peers speak WebSocket, and whether TLS.
bool is_web(const std::string& url);
bool is_tls(const std::string& url);

// Whether "host" is this machine alone.  A name such as 127.example.org is not, so only true
// addresses count, and "localhost".
bool is_loopback(const std::string& host);

}  // namespace domed

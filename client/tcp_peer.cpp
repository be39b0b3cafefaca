#include "client/tcp_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace domed {
namespace {

// An address and a port: that of IPv4 as IPv6 writes it, since a socket of either takes both.
struct Place {
  std::array<unsigned char, 16> address{};
  unsigned port = 0;

  bool operator==(const Place&) const = default;
};

constexpr const char* kListens = "0A";  // as those tables write it
constexpr std::array<unsigned char, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

Place place_of(const sockaddr_storage& address) {
  Place place;
  if (address.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address);
    std::copy(kMapped.begin(), kMapped.end(), place.address.begin());
    std::memcpy(place.address.data() + kMapped.size(), &in.sin_addr, sizeof in.sin_addr);
    place.port = ntohs(in.sin_port);
  } else if (address.ss_family == AF_INET6) {
    const auto& in6 = reinterpret_cast<const sockaddr_in6&>(address);
    std::memcpy(place.address.data(), &in6.sin6_addr, place.address.size());
    place.port = ntohs(in6.sin6_port);
  }
  return place;
}

// As /proc/net/tcp and tcp6 write it: 32 bits at a time, each a number of this machine's own order.
std::optional<Place> place_of(const std::string& text) {
  const auto colon = text.find(':');
  if (colon != 8 && colon != 32) return std::nullopt;
  Place place;
  const std::size_t begin = colon == 8 ? kMapped.size() : 0;
  if (colon == 8) std::copy(kMapped.begin(), kMapped.end(), place.address.begin());
  try {
    for (std::size_t at = 0; at < colon; at += 8) {
      const auto word = static_cast<std::uint32_t>(std::stoul(text.substr(at, 8), nullptr, 16));
      std::memcpy(place.address.data() + begin + at / 2, &word, sizeof word);
    }
    place.port = static_cast<unsigned>(std::stoul(text.substr(colon + 1), nullptr, 16));
  } catch (const std::exception&) {
    return std::nullopt;
  }
  return place;
}

struct SocketRow {
  std::optional<Place> local, remote;
  bool listens = false;
  uid_t user = 0;
};

// Those of this machine, as we see it.
std::vector<SocketRow> sockets() {
  std::vector<SocketRow> out;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream lines(table);
    for (std::string line; std::getline(lines, line);) {
      // sl: local remote state tx:rx timer:when retransmissions uid …
      std::istringstream words(line);
      std::string number, local, remote, state, queues, timer, again;
      uid_t user = 0;
      if (words >> number >> local >> remote >> state >> queues >> timer >> again >> user)
        out.push_back({place_of(local), place_of(remote), state == kListens, user});
    }
  }
  return out;
}

}  // namespace

bool is_loopback(const sockaddr_storage& address) {
  const Place place = place_of(address);
  if (std::equal(kMapped.begin(), kMapped.end(), place.address.begin()))
    return place.address[12] == 127;
  static constexpr std::array<unsigned char, 16> kOne{0, 0, 0, 0, 0, 0, 0, 0,
                                                      0, 0, 0, 0, 0, 0, 0, 1};
  return address.ss_family == AF_INET6 && place.address == kOne;
}

std::optional<sockaddr_storage> other_end(int socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return std::nullopt;
  return address;
}

std::optional<uid_t> user_at(const sockaddr_storage& theirs, const sockaddr_storage& ours) {
  for (const auto& socket : sockets())
    if (socket.local == place_of(theirs) && socket.remote == place_of(ours)) return socket.user;
  return std::nullopt;
}

std::set<uid_t> users_who_listen_at(unsigned port) {
  std::set<uid_t> out;
  for (const auto& socket : sockets())
    if (socket.listens && socket.local && socket.local->port == port) out.insert(socket.user);
  return out;
}

}  // namespace domed

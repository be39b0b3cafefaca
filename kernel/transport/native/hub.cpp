#include <utility>  // which Boost 1.74 forgets

#include "transport/native/hub.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "system/address.h"
#include "transport/listen_url.h"
#include "transport/place.h"

namespace domed::native {
namespace {

constexpr const char* kTooMany = "there are too many connections";

using Clock = Connection::Clock;
using std::chrono::milliseconds;

// Of every connection in this process; nng's never have the highest bit.
std::uint32_t next_id() {
  static std::atomic<std::uint32_t> last = 0;
  return ++last | 0x80000000u;
}

// A peer that vanished without a word, as over a cable that was pulled, is not kept for ever.
void prepare_tcp(int socket) {
  const auto set = [socket](int level, int option, int value) {
    ::setsockopt(socket, level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
}

// Of which party it is.  Who has an IPv6 address has a whole network of them.
std::string party_of(int socket, sp::Carrier carrier) {
  if (carrier == sp::Carrier::ipc) {
    ucred peer{};
    socklen_t size = sizeof peer;
    ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    return "user " + std::to_string(peer.uid);
  }
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  ::getpeername(socket, reinterpret_cast<sockaddr*>(&name), &size);
  const in6_addr& v6 = reinterpret_cast<const sockaddr_in6&>(name).sin6_addr;
  const bool is_v6 = name.ss_family == AF_INET6, is_mapped = is_v6 && IN6_IS_ADDR_V4MAPPED(&v6);
  const std::string address = peer_address(socket), host = address.substr(0, address.rfind(':'));
  // Of its own this machine has millions, which whoever is there may come from.
  if (is_loopback(host) || (is_v6 && IN6_IS_ADDR_LOOPBACK(&v6)) ||
      (is_mapped && v6.s6_addr[12] == 127))
    return "loopback";
  if (is_v6 && !is_mapped) return {reinterpret_cast<const char*>(&v6), sizeof v6 / 2};
  return host;
}

// Null: it may not come in, or left again.
std::shared_ptr<const Caller> user_at(int socket, const Access& access) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return nullptr;
  return access.user(peer.uid, groups_of_peer(socket, peer.gid));
}

// What a WebSocket to "place" has to ask for; null: it takes none.
std::shared_ptr<const ws::Offer> offer_of(const Place& place, sp::Role ours) {
  if (!is_web(place.url)) return nullptr;
  ws::Offer offer;
  offer.path = host_port(place.url).value_or(HostPort{}).path;
  offer.protocol = sp::web_protocol(ours);
  offer.origins = place.origins;
  // Over TLS the certificate says whose name that is.
  if (!place.tls) offer.is_ours = is_loopback;
  return std::make_shared<const ws::Offer>(std::move(offer));
}

void disconnect(Connection& connection, const std::string& why) {
  const std::string name = connection.certificate_name();
  spdlog::warn("disconnected {}: {}", name.empty() ? "a client" : "'" + name + "'", why);
  connection.close();
}

}  // namespace

Hub::Hub(std::shared_ptr<Loop> loop, Connection::Owner& owner, Connection::Rules rules,
         Limits limits)
    : loop_(std::move(loop)),
      owner_(owner),
      rules_(rules),
      limits_(limits),
      timer_(loop_->context()) {}

Listener::Take Hub::door_of(const Place& place) {
  return [this, place, web = offer_of(place, rules_.ours)](Fd socket, sp::Carrier carrier) {
    let_in(std::move(socket), carrier, place, web);
  };
}

// On a thread of the loop's.  Over TLS it shows who it is when both are agreed.
void Hub::let_in(Fd socket, sp::Carrier carrier, const Place& place,
                 const std::shared_ptr<const ws::Offer>& web) {
  std::shared_ptr<const Caller> caller;
  if (carrier == sp::Carrier::ipc)
    caller = user_at(socket.get(), *place.access);
  else if (!place.tls)
    caller = place.access->stranger();
  const char* why = caller || place.tls ? nullptr : kNoRole;
  const std::string name = party_of(socket.get(), carrier);
  if (!why && !make_room(name)) why = kTooMany;
  std::shared_ptr<Connection> made;
  {
    const std::lock_guard lock(mutex_);
    if (shut_) return;
    if (!why && connections_.size() >= limits_.most) why = kTooMany;
    if (why) return refusals_.note(why, connections_.size(), limits_.most);
    if (carrier != sp::Carrier::ipc) prepare_tcp(socket.get());
    auto& party = parties_[name];
    if (!party) party = std::make_shared<Party>(name);
    made = std::make_shared<Connection>(loop_, owner_, rules_, std::move(socket), next_id(),
                                        carrier == sp::Carrier::ipc ? Door::ipc : Door::network,
                                        carrier, party, std::move(caller), place.access, place.tls,
                                        web);
    connections_[made->id()] = made;
    ++party->connections;
    look_again();
  }
  made->open();
}

// Nobody keeps others out, neither by silence nor by numbers, and least of all strangers: those who
// have not said hello, or have shown no role.  Where all places are taken, who comes gets that of a
// stranger of the own party, or of one that has more; else of any, while they have more than an
// eighth; else of one of the party that has most.  The oldest has to go.  False: there is none.
bool Hub::make_room(const std::string& party) {
  std::shared_ptr<Connection> near, stranger, other;
  {
    const std::lock_guard lock(mutex_);
    if (connections_.size() < limits_.most) return true;
    const auto had = parties_.find(party);
    const std::size_t then = had == parties_.end() ? 1 : had->second->connections + 1;
    std::size_t most = then, strangers = 0;
    for (const auto& [name, its] : parties_) most = std::max(most, its->connections);
    for (const auto& item : connections_) {
      const auto& connection = item.second;  // no binding: the lambda below has it
      const Party& its = connection->party();
      const auto take_older = [&](auto& than) {
        if (!than || connection->since() < than->since()) than = connection;
      };
      if (connection->owes_since() != Clock::time_point::max()) {
        ++strangers;
        take_older(stranger);
        if (its.connections > then || its.name == party) take_older(near);
      }
      if (its.connections == most && most > then) take_older(other);
    }
    if (near) {
      other = near;
    } else if (strangers > limits_.most / 8) {
      other = stranger;
    } else if (other) {
      refusals_.note("its user or machine has the most, and another one came", connections_.size(),
                     limits_.most);
    }
  }
  if (other) other->close();
  return other != nullptr;
}

void Hub::forget(const Connection& connection) {
  const auto refusal = connection.refusal();
  const std::lock_guard lock(mutex_);
  if (refusal) refusals_.note(refusal->why, connections_.size(), limits_.most, refusal->from);
  if (connections_.erase(connection.id()) == 0) return;
  if (connection.is_greeted()) --greeted_;
  Party& party = connection.party();
  if (--party.connections == 0 && party.has_nothing()) parties_.erase(party.name);
}

std::vector<std::shared_ptr<Connection>> Hub::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Connection>> out;
  out.reserve(connections_.size());
  for (const auto& [id, connection] : connections_) out.push_back(connection);
  return out;
}

// With the lock held.  A timer while there is anybody whom it could be for.
void Hub::look_again() {
  if (looking_ || shut_ || connections_.empty()) return;
  looking_ = true;
  const auto gap = std::min(limits_.hello, limits_.unread) / 4;
  timer_.expires_after(std::clamp(gap, milliseconds(10), milliseconds(1000)));
  timer_.async_wait([this](const boost::system::error_code& failure) {
    if (!failure) look();
  });
}

void Hub::look() {
  const auto now = Clock::now();
  for (const auto& connection : all()) {
    const auto stuck = connection->stuck_since(), owes = connection->owes_since();
    if (owes != Clock::time_point::max() && owes + limits_.hello < now) {
      connection->close();
    } else if (limits_.unread != milliseconds::max() && stuck != Clock::time_point::max() &&
               stuck + limits_.unread < now) {
      spdlog::warn("disconnected a client that does not read its replies");
      connection->close();
    } else if (const auto why = connection->expiry()) {
      disconnect(*connection, *why);  // one that asks for nothing, and hears what others do
    }
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(parties_, [](const auto& item) {
    return item.second->connections == 0 && item.second->has_nothing();
  });
  looking_ = false;
  look_again();
}

void Hub::shut() {
  {
    const std::lock_guard lock(mutex_);
    shut_ = true;
    timer_.cancel();
  }
  for (const auto& connection : all()) connection->stop_reading();
}

void Hub::close_all() {
  for (const auto& connection : all()) connection->close();
}

void Hub::look_again_at_identities() {
  for (const auto& connection : all())
    if (const auto why = connection->objection()) disconnect(*connection, *why);
}

bool Hub::is_flushed() const {
  const auto connections = all();
  return std::all_of(connections.begin(), connections.end(),
                     [](const auto& c) { return c->is_flushed(); });
}

}  // namespace domed::native

#include <utility>  // which Boost 1.74 forgets

#include "transport/native/hub.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "transport/place.h"

namespace domed::native {
namespace {

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

// Null: it may not come in, or left again.
std::shared_ptr<const Caller> user_at(int socket, const Access& access) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return nullptr;
  return access.user(peer.uid, groups_of_peer(socket, peer.gid));
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
  return
      [this, place](Fd socket, sp::Carrier carrier) { let_in(std::move(socket), carrier, place); };
}

// On a thread of the loop's.  Over TLS it shows who it is when both are agreed.
void Hub::let_in(Fd socket, sp::Carrier carrier, const Place& place) {
  std::shared_ptr<const Caller> caller;
  if (carrier == sp::Carrier::ipc)
    caller = user_at(socket.get(), *place.access);
  else if (!place.tls)
    caller = place.access->stranger();
  const char* why = caller || place.tls ? nullptr : kNoRole;
  if (!why) make_room();
  std::shared_ptr<Connection> made;
  {
    const std::lock_guard lock(mutex_);
    if (shut_) return;
    if (!why && connections_.size() >= limits_.most) why = "there are too many connections";
    if (why) return refusals_.note(why, connections_.size(), limits_.most);
    if (carrier == sp::Carrier::stream) prepare_tcp(socket.get());
    made = std::make_shared<Connection>(loop_, owner_, rules_, std::move(socket), next_id(),
                                        carrier == sp::Carrier::ipc ? Door::ipc : Door::network,
                                        carrier, std::move(caller), place.access, place.tls);
    connections_[made->id()] = made;
    look_again();
  }
  made->open();
}

// Whoever says nothing keeps nobody out: the one that is silent the longest has to go.
void Hub::make_room() {
  std::shared_ptr<Connection> oldest;
  {
    const std::lock_guard lock(mutex_);
    if (connections_.size() < limits_.most) return;
    for (const auto& [id, connection] : connections_)
      if (!connection->is_greeted() && (!oldest || connection->since() < oldest->since()))
        oldest = connection;
  }
  if (oldest) oldest->close();
}

void Hub::forget(const Connection& connection) {
  const auto refusal = connection.refusal();
  const std::lock_guard lock(mutex_);
  if (refusal) refusals_.note(refusal->why, connections_.size(), limits_.most, refusal->from);
  if (connections_.erase(connection.id()) > 0 && connection.is_greeted()) --greeted_;
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
    const auto stuck = connection->stuck_since();
    if (!connection->is_greeted() && connection->since() + limits_.hello < now) {
      connection->close();
    } else if (limits_.unread != milliseconds::max() && stuck != Clock::time_point::max() &&
               stuck + limits_.unread < now) {
      spdlog::warn("disconnected a client that does not read its replies");
      connection->close();
    }
  }
  const std::lock_guard lock(mutex_);
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
    if (const auto why = connection->objection()) {
      spdlog::warn("disconnected {}: {}",
                   connection->certificate_name().empty()
                       ? "a client"
                       : "'" + connection->certificate_name() + "'",
                   *why);
      connection->close();
    }
}

bool Hub::is_flushed() const {
  const auto connections = all();
  return std::all_of(connections.begin(), connections.end(),
                     [](const auto& c) { return c->is_flushed(); });
}

}  // namespace domed::native

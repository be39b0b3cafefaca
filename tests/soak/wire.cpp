#include "wire.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <list>
#include <vector>

#include "unix_socket.h"

namespace domed::soak {
namespace {

constexpr std::size_t kMost = 1 << 20;  // of one way, held here

// One way: bytes that were read from one end and not yet written to the other.
struct Way {
  std::string held;
  bool ended = false;

  // False: both ends are to close.
  bool read(int from) {
    char buffer[65536];
    const ssize_t n = ::recv(from, buffer, sizeof buffer, MSG_DONTWAIT);
    if (n == 0) return ended = true;  // what is held still goes out
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    held.append(buffer, static_cast<std::size_t>(n));
    return true;
  }
  bool write(int to) {
    const ssize_t n = ::send(to, held.data(), held.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    held.erase(0, static_cast<std::size_t>(n));
    return true;
  }
  bool is_over() const { return ended && held.empty(); }
};

struct Pair {
  Fd node, server;
  Way up, down;

  short wanted(const Way& in, const Way& out) const {
    return static_cast<short>((!in.ended && in.held.size() < kMost ? POLLIN : 0) |
                              (out.held.empty() ? 0 : POLLOUT));
  }
  bool pass(short at_node, short at_server) {
    if ((at_node & (POLLIN | POLLHUP)) && !up.ended && !up.read(node.get())) return false;
    if ((at_server & (POLLIN | POLLHUP)) && !down.ended && !down.read(server.get())) return false;
    if (!up.held.empty() && !up.write(server.get())) return false;
    if (!down.held.empty() && !down.write(node.get())) return false;
    return !up.is_over() && !down.is_over();
  }
};

}  // namespace

Wire::Wire(std::string place, std::string real)
    : real_(std::move(real)),
      listener_(faults::listen_at(place)),
      wakes_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

Wire::~Wire() {
  thread_.request_stop();
  become(Line::cut);
}

void Wire::become(Line line) {
  {
    const std::lock_guard lock(mutex_);
    line_ = line;
  }
  const std::uint64_t one = 1;
  if (::write(wakes_.get(), &one, sizeof one) < 0) return;  // full: it wakes
}

void Wire::lead_to(const std::string& real) {
  const std::lock_guard lock(mutex_);
  real_ = real;
}

void Wire::work(const std::stop_token& stop) {
  std::list<Pair> pairs;
  while (!stop.stop_requested()) {
    Line line;
    std::string real;
    {
      const std::lock_guard lock(mutex_);
      line = line_, real = real_;
    }
    if (line == Line::cut) pairs.clear();
    std::vector<pollfd> polled{{wakes_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    if (line == Line::open)
      for (const Pair& pair : pairs) {
        polled.push_back({pair.node.get(), pair.wanted(pair.up, pair.down), 0});
        polled.push_back({pair.server.get(), pair.wanted(pair.down, pair.up), 0});
      }
    ::poll(polled.data(), polled.size(), -1);
    std::uint64_t ignored = 0;
    if (polled[0].revents && ::read(wakes_.get(), &ignored, sizeof ignored) < 0) continue;
    if (line == Line::open) {
      std::size_t at = 2;
      for (auto it = pairs.begin(); it != pairs.end(); at += 2)
        it = it->pass(polled[at].revents, polled[at + 1].revents) ? std::next(it) : pairs.erase(it);
    }
    if (!(polled[1].revents & POLLIN)) continue;
    Fd node(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!node || line == Line::cut) continue;
    Fd server(faults::connect_to(real));
    if (server) pairs.push_back({std::move(node), std::move(server), {}, {}});
  }
}

}  // namespace domed::soak

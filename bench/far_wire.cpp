#include "bench/far_wire.h"

#include <sys/prctl.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace domed::bench {
namespace {

constexpr const char* kSocket = "/.s.PGSQL.5432";

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw std::runtime_error("too long for a socket: " + path);
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

void shut(int socket) {
  ::shutdown(socket, SHUT_RDWR);
}

}  // namespace

FarWire::Way::Way(int from, int to, std::chrono::microseconds delay)
    : from_(from), to_(to), delay_(delay), reader_([this] { read(); }), writer_([this] {
        write();
      }) {}

FarWire::Way::~Way() {
  shut(from_);
  shut(to_);
}

void FarWire::Way::read() {
  char bytes[64 << 10];
  for (;;) {
    const ssize_t size = ::recv(from_, bytes, sizeof bytes, 0);
    if (size < 0 && errno == EINTR) continue;
    const std::lock_guard lock(mutex_);
    under_way_.emplace_back(std::chrono::steady_clock::now() + delay_,
                            std::string(bytes, size > 0 ? static_cast<std::size_t>(size) : 0));
    changed_.notify_one();
    if (size <= 0) return;
  }
}

// Nothing is the end.
void FarWire::Way::write() {
  ::prctl(PR_SET_TIMERSLACK, 1000UL);  // no farther away than it is told
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !under_way_.empty(); });
    const auto [when, bytes] = std::move(under_way_.front());
    under_way_.pop_front();
    lock.unlock();
    std::this_thread::sleep_until(when);
    for (std::size_t sent = 0; sent < bytes.size();) {
      const ssize_t size = ::send(to_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (size < 0 && errno != EINTR) return shut(from_);
      if (size > 0) sent += static_cast<std::size_t>(size);
    }
    if (bytes.empty()) return shut(to_);
  }
}

FarWire::FarWire(const Options& options, std::string& url, std::chrono::microseconds one_way)
    : directory_(options),
      delay_(one_way),
      listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const auto host = url.find("host=");
  if (host == std::string::npos)
    throw std::runtime_error("the url names no host=DIRECTORY: " + url);
  const auto begin = host + 5;
  const auto size = std::min(url.find('&', begin), url.size()) - begin;
  server_ = url.substr(begin, size) + kSocket;
  url.replace(begin, size, directory_.path());
  const sockaddr_un here = address_of(directory_.path() + kSocket);
  if (::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0 ||
      ::listen(listener_.get(), 64) != 0)
    throw std::runtime_error("cannot listen below " + directory_.path());
  thread_ = std::jthread([this] { accept_all(); });
}

FarWire::~FarWire() {
  shut(listener_.get());
}

void FarWire::accept_all() {
  for (;;) {
    Fd near(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (near.get() < 0) return;
    Fd far(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_un server = address_of(server_);
    if (::connect(far.get(), reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0)
      continue;
    const std::lock_guard lock(mutex_);
    Line& line = lines_.emplace_back(std::move(near), std::move(far));
    line.ways.emplace_back(line.near.get(), line.far.get(), delay_);
    line.ways.emplace_back(line.far.get(), line.near.get(), delay_);
  }
}

}  // namespace domed::bench

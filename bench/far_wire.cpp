#include "bench/far_wire.h"

#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <stdexcept>

#include "bench/unix.h"

namespace domed::bench {
namespace {

constexpr const char* kSocket = "/.s.PGSQL.5432";

void shut(const Fd& socket) {
  ::shutdown(socket.get(), SHUT_RDWR);
}

}  // namespace

FarWire::Way::Way(const Fd& from, const Fd& to, std::chrono::microseconds delay)
    : from_(from), to_(to), delay_(delay), reader_([this] { read(); }), writer_([this] {
        write();
      }) {}

FarWire::Way::~Way() {
  shut(from_);
  shut(to_);
}

// What is empty is the end.
void FarWire::Way::read() {
  for (std::string bytes = " "; !bytes.empty();) {
    bytes = some();
    const std::lock_guard lock(mutex_);
    under_way_.emplace_back(std::chrono::steady_clock::now() + delay_, bytes);
    changed_.notify_one();
  }
}

std::string FarWire::Way::some() try {
  char bytes[64 << 10];
  return std::string(receive_some(from_, bytes, sizeof bytes));
} catch (const std::runtime_error&) {
  return "";
}

void FarWire::Way::write() try {
  ::prctl(PR_SET_TIMERSLACK, 1000UL);  // no farther away than it is told
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !under_way_.empty(); });
    const auto [when, bytes] = std::move(under_way_.front());
    under_way_.pop_front();
    lock.unlock();
    std::this_thread::sleep_until(when);
    if (bytes.empty()) return shut(to_);
    send_all(to_, bytes);
  }
} catch (const std::runtime_error&) {
  shut(from_);
}

FarWire::FarWire(const Options& options, std::string& url, std::chrono::microseconds one_way)
    : directory_(options), delay_(one_way), listener_(listen_unix(directory_.path() + kSocket)) {
  const auto host = url.find("host=");
  if (host == std::string::npos)
    throw std::runtime_error("the url names no host=DIRECTORY: " + url);
  const auto begin = host + 5;
  const auto size = std::min(url.find('&', begin), url.size()) - begin;
  server_ = url.substr(begin, size) + kSocket;
  url.replace(begin, size, directory_.path());
  thread_ = std::jthread([this] { accept_all(); });
}

FarWire::~FarWire() {
  shut(listener_);
}

// Until the listener is shut.
void FarWire::accept_all() try {
  for (;;) {
    Line& line = lines_.emplace_back(accept_unix(listener_), connect_unix(server_));
    line.ways.emplace_back(line.near, line.far, delay_);
    line.ways.emplace_back(line.far, line.near, delay_);
  }
} catch (const std::runtime_error&) {
}

}  // namespace domed::bench

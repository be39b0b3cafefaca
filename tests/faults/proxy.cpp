#include "proxy.h"

#include <endian.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "unix_socket.h"

namespace domed::faults {
namespace {

constexpr std::size_t kHandshake = 8;
constexpr std::size_t kRequestId = 4;  // what nng puts before a request and its reply

bool read_all(int fd, char* to, std::size_t size) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t n = recv(fd, to + done, size - done, 0);
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

bool write_all(int fd, const std::string& bytes) {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t n = send(fd, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

bool read_message(int fd, std::string& message) {
  char head[9];
  if (!read_all(fd, head, sizeof head)) return false;
  std::uint64_t size = 0;
  std::memcpy(&size, head + 1, sizeof size);
  message.resize(be64toh(size));
  return read_all(fd, message.data(), message.size());
}

bool write_message(int fd, const std::string& message) {
  const std::uint64_t size = htobe64(message.size());
  std::string framed(1, '\1');
  framed.append(reinterpret_cast<const char*>(&size), sizeof size).append(message);
  return write_all(fd, framed);
}

}  // namespace

struct Proxy::Connection {
  int client = -1, daemon = -1;
  bool events = false;
  std::thread up, down;
  std::atomic<int> pumping{2};  // how many of the two still use this

  void shut() const {
    shutdown(client, SHUT_RDWR);
    shutdown(daemon, SHUT_RDWR);
  }
  ~Connection() {
    shut();
    if (up.joinable()) up.join();
    if (down.joinable()) down.join();
    close(client);
    close(daemon);
  }
};

Proxy::Proxy(const std::string& directory, const std::string& real, Plan plan)
    : directory_(directory), real_(real), plan_(std::move(plan)) {
  for (const std::string name : {"control.ipc", "events.ipc"}) {
    const int listener = listen_at(directory_ + "/" + name);
    listeners_.push_back(listener);
    threads_.emplace_back([this, listener, name] { accept_all(listener, name); });
  }
}

Proxy::~Proxy() {
  stopping_ = true;
  for (const int listener : listeners_) shutdown(listener, SHUT_RDWR);
  for (auto& thread : threads_) thread.join();
  for (const int listener : listeners_) close(listener);
  connections_.clear();
}

void Proxy::cut() {
  const std::lock_guard lock(mutex_);
  for (const auto& connection : connections_) connection->shut();
}

bool Proxy::await_touched(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, time, [this] { return touched_ > 0; });
}

void Proxy::accept_all(int listener, const std::string& name) {
  while (!stopping_) {
    const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    const int daemon = connect_to(real_ + "/" + name);
    if (daemon < 0) {
      close(client);
      continue;
    }
    auto connection = std::make_unique<Connection>();
    connection->client = client;
    connection->daemon = daemon;
    connection->events = name == "events.ipc";
    Connection& made = *connection;
    const std::lock_guard lock(mutex_);
    std::erase_if(connections_, [](const auto& one) { return one->pumping == 0; });
    connections_.push_back(std::move(connection));
    made.up = std::thread([this, &made] { pump(made, false); });
    made.down = std::thread([this, &made] { pump(made, true); });
  }
}

void Proxy::pump(Connection& connection, bool to_client) {
  const int from = to_client ? connection.daemon : connection.client;
  const int to = to_client ? connection.client : connection.daemon;
  const Way way = connection.events ? Way::frame : to_client ? Way::reply : Way::request;
  Filter filter;
  {
    const std::lock_guard lock(mutex_);  // plans draw their seeds in one order
    filter = plan_(way);
  }
  std::string message(kHandshake, '\0');
  bool open = read_all(from, message.data(), kHandshake) && write_all(to, message);
  while (open && read_message(from, message)) open = forward(connection, way, filter, message);
  connection.shut();
  --connection.pumping;
}

bool Proxy::forward(Connection& connection, Way way, const Filter& filter, std::string message) {
  const int to = way == Way::request ? connection.daemon : connection.client;
  if (way == Way::reply) message = with_our_urls(std::move(message));
  const Verdict verdict = filter(message);
  ++messages_;
  if (verdict.messages.size() != 1 || verdict.messages[0] != message || verdict.delay.count() ||
      verdict.cut) {
    const std::lock_guard lock(mutex_);
    ++touched_;
    changed_.notify_all();
  }
  if (verdict.delay.count()) std::this_thread::sleep_for(verdict.delay);
  for (const auto& one : verdict.messages)
    if (!write_message(to, one)) return false;
  return !verdict.cut;
}

// The length of a message is in its framing alone, so a reply may grow.
std::string Proxy::with_our_urls(std::string reply) const {
  const std::string theirs = "ipc://" + real_ + "/events.ipc",
                    ours = "ipc://" + directory_ + "/events.ipc";
  for (auto at = reply.find(theirs, kRequestId); at != std::string::npos;
       at = reply.find(theirs, at + ours.size()))
    reply.replace(at, theirs.size(), ours);
  return reply;
}

}  // namespace domed::faults

#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "protocol/sp/framing.h"
#include "system/fd.h"

namespace domed {

// One connection that a RawServer took: SP by hand, so that every byte can be wrong.
class RawPeer {
 public:
  RawPeer(Fd socket, sp::Carrier carrier)
      : socket_(std::move(socket)), splitter_(carrier, 64 << 20) {}

  // Both send what they can; a client that left is not an error.
  void send(std::string_view bytes);
  void say(std::string_view message);  // with its header
  void greet(sp::Role role = sp::Role::rep) { send(sp::hello(role)); }
  // The client's greeting; false: it left.
  bool hear_greeting();

  struct Request {
    std::string word, body;
  };
  // nullopt: the client left.
  std::optional<Request> next();
  void answer(const Request& request, std::string_view body) {
    say(request.word + std::string(body));
  }
  // Greets, and answers "body" to each request with itself.
  void echo();
  // As one that does not read: returns when the client left, or the server is destroyed.
  void wait();
  void hang_up() { socket_.reset(); }
  int socket() const { return socket_.get(); }

 private:
  bool read_some();

  Fd socket_;
  sp::Carrier carrier_ = sp::Carrier::ipc;
  sp::Splitter splitter_;
  std::string greeting_;
  std::vector<std::string> messages_;
  std::size_t taken_ = 0;
  friend class RawServer;
};

// A listener whose connections are each served by "serve", in a thread of its own.
class RawServer {
 public:
  using Serve = std::function<void(RawPeer& peer)>;
  // At "ipc:///path" or, with the port that the system gives, at "tcp://ADDRESS:0".
  RawServer(std::string url, Serve serve);
  ~RawServer();
  const std::string& url() const { return url_; }
  int connections() const { return connections_; }

 private:
  void accept_all();

  std::string url_;
  const Serve serve_;
  Fd listener_;
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  bool stopping_ = false;
  std::vector<int> open_;
  std::vector<std::jthread> peers_;
  std::thread thread_;
};

// Listens at "url" as RawServer does, with room for "backlog" connections that nobody takes.
Fd raw_listener(std::string& url, int backlog);

}  // namespace domed

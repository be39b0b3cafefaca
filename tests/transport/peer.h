#pragma once

// Peers of a server under test: honest ones, and raw connections that can do
// everything an honest one would not.
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/supplemental/tls/tls.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "protocol/sp/framing.h"
#include "support/tls_world.h"
#include "transport/listen_url.h"
#include "transport/nng/socket.h"
#include "transport/place.h"

namespace domed::test {

inline bool starts(const std::string& text, const char* with) {
  return text.rfind(with, 0) == 0;
}

// The one that this run is about: the suite runs against each (CMakeLists.txt).
inline Engine engine_under_test() {
  const char* name = std::getenv("DOMED_TEST_TRANSPORT");
  return name && std::string(name) == "nng" ? Engine::nng : Engine::native;
}

// Asks again and again until "holds" or "limit" is over.
inline bool eventually(const std::function<bool()>& holds,
                       std::chrono::milliseconds limit = std::chrono::seconds(20)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// Over TLS with "shown" as its certificate.
inline void dial(nng_socket socket, const std::string& url, const Shown* shown = nullptr,
                 int flags = NNG_FLAG_NONBLOCK) {
  nng_dialer dialer = NNG_DIALER_INITIALIZER;
  check_nng(nng_dialer_create(&dialer, socket, url.c_str()), "cannot dial");
  if (is_tls(url)) {
    const TlsWorld& world = tls_world();
    const auto set = [&](const char* option, const std::string& value) {
      check_nng(nng_dialer_set_string(dialer, option, value.c_str()), option);
    };
    set(NNG_OPT_TLS_CA_FILE, world.authority.file());
    set(NNG_OPT_TLS_CERT_KEY_FILE, world.together(shown ? *shown : world.client));
    set(NNG_OPT_TLS_SERVER_NAME, "localhost");
  }
  nng_dialer_start(dialer, flags);
}

// A reply that is waited for from now on: one that comes before anybody waits, nng drops when the
// connection ends.
class Awaited {
 public:
  explicit Awaited(nng_socket socket) {
    check_nng(nng_aio_alloc(&aio_, nullptr, nullptr), "aio");
    nng_recv_aio(socket, aio_);
  }
  Awaited(const Awaited&) = delete;
  Awaited& operator=(const Awaited&) = delete;
  ~Awaited() { nng_aio_free(aio_); }

  // nullopt: it did not come.
  std::optional<std::string> get() {
    nng_aio_wait(aio_);
    if (nng_aio_result(aio_) != 0) return std::nullopt;
    return std::string(body(Message(nng_aio_get_msg(aio_)).get()));
  }

 private:
  nng_aio* aio_ = nullptr;
};

// An honest client.
class Client {
 public:
  explicit Client(const std::string& url, int timeout_ms = 10'000, const Shown* shown = nullptr)
      : socket_(nng_req0_open) {
    nng_socket_set_ms(socket_.get(), NNG_OPT_REQ_RESENDTIME, -1);
    nng_socket_set_ms(socket_.get(), NNG_OPT_SENDTIMEO, timeout_ms);
    nng_socket_set_ms(socket_.get(), NNG_OPT_RECVTIMEO, timeout_ms);
    dial(socket_.get(), url, shown);
  }
  // nullopt: no reply in time.
  std::optional<std::string> ask(const std::string& request) {
    return send(request) ? receive() : std::nullopt;
  }
  bool send(const std::string& request) {
    Message message = make_message(request);
    if (nng_sendmsg(socket_.get(), message.get(), 0) != 0) return false;
    static_cast<void>(message.release());
    return true;
  }
  nng_socket socket() const { return socket_.get(); }
  std::optional<std::string> receive() {
    nng_msg* reply = nullptr;
    if (nng_recvmsg(socket_.get(), &reply, 0) != 0) return std::nullopt;
    return std::string(body(Message(reply).get()));
  }

 private:
  Socket socket_;
};

inline std::optional<std::string> ask(const std::string& url, const std::string& request,
                                      int timeout_ms = 10'000) {
  return Client(url, timeout_ms).ask(request);
}

// A frame of a WebSocket's client, masked as all of them are; "first" is its first byte, and 0x82
// that of a whole message.
inline std::string web_frame(unsigned first, std::string text) {
  const std::string mask = "\x12\x34\x56\x78";
  std::string out(1, static_cast<char>(first));
  const std::size_t more = text.size() < 126 ? 0 : text.size() <= 0xffff ? 2 : 8;
  out += static_cast<char>(0x80 | (more == 0 ? text.size() : more == 2 ? 126 : 127));
  for (std::size_t i = more; i > 0; --i) out += static_cast<char>(text.size() >> (8 * (i - 1)));
  for (std::size_t i = 0; i < text.size(); ++i) text[i] ^= mask[i % 4];
  return out + mask + text;
}

// "message" as it is sent.
inline std::string on_the_wire(sp::Carrier carrier, const std::string& message) {
  if (carrier == sp::Carrier::web) return web_frame(0x82, message);
  return std::string(sp::header(carrier, message.size()).view()) + message;
}

// What asks for a WebSocket at "url", with "headers", lines that each end in CRLF.
inline std::string web_request(const std::string& url, const std::string& protocol = "rep",
                               const std::string& headers = "") {
  const std::size_t host = url.find("://") + 3, slash = url.find('/', host);
  return "GET " + (slash == std::string::npos ? "/" : url.substr(slash)) +
         " HTTP/1.1\r\nHost: " + url.substr(host, slash - host) +
         "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
         "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
         "Sec-WebSocket-Protocol: " +
         protocol + ".sp.nanomsg.org\r\n" + headers + "\r\n";
}

// A connection without nng, over ipc, or over tcp, WebSocket or TLS to loopback.
class RawPeer {
 public:
  explicit RawPeer(const std::string& url)
      : RawPeer(url, is_tls(url) ? tls_world().client_context.connect("localhost") : nullptr) {}
  RawPeer(const std::string& url, std::unique_ptr<tls::Session> session)
      : url_(url), tcp_(!starts(url, "ipc")), session_(std::move(session)) {
    if (tcp_)
      connect_tcp(url);
    else
      connect_ipc(url);
  }
  RawPeer(RawPeer&& other) noexcept
      : url_(other.url_),
        file_(std::exchange(other.file_, -1)),
        tcp_(other.tcp_),
        session_(std::move(other.session_)),
        plain_(std::move(other.plain_)) {}
  RawPeer(const RawPeer&) = delete;
  ~RawPeer() {
    if (file_ >= 0) close(file_);
  }

  // Over tcp the end of its life then sends RST.
  RawPeer& reset_at_end() {
    const linger hard{1, 0};
    setsockopt(file_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    return *this;
  }
  // A reset upon this is EPIPE to a server over tcp, otherwise ECONNRESET.
  RawPeer& end_writing() {
    shutdown(file_, SHUT_WR);
    return *this;
  }
  bool write(const std::string& bytes) {
    if (!session_) return send_all(bytes);
    if (!secure()) return false;
    session_->send(bytes);
    return push();
  }
  // Shakes hands as a client of TLS.
  bool secure() {
    if (!session_) return true;
    while (session_->state() == tls::Session::State::handshaking)
      if (!push() || !pull()) return false;
    return push() && session_->state() == tls::Session::State::up;
  }
  const tls::Session& session() const { return *session_; }
  // Shakes hands as a client of REP.
  bool greet() {
    if (is_web(url_)) return write(web_request(url_)) && starts(read_head(), "HTTP/1.1 101");
    char theirs[8];
    return write(std::string("\0SP\0\0\x30\0\0", 8)) && receive_all(theirs, sizeof theirs);
  }
  bool send_header(std::uint64_t size) {
    if (is_web(url_)) {
      std::string header = "\x82\xff";
      for (int shift = 56; shift >= 0; shift -= 8) header += static_cast<char>(size >> shift);
      return write(header + "mask");
    }
    std::string header = tcp_ ? "" : "\x01";
    for (int shift = 56; shift >= 0; shift -= 8) header += static_cast<char>(size >> shift);
    return write(header);
  }
  bool send_request(const std::string& text) {
    if (is_web(url_)) return write(web_frame(0x82, std::string("\x80\0\0\x01", 4) + text));
    return send_header(text.size() + 4) && write(std::string("\x80\0\0\x01", 4) + text);
  }
  std::string read_some() {
    char bytes[4096];
    const ssize_t size = receive(bytes, sizeof bytes);
    return std::string(bytes, size < 0 ? 0 : static_cast<std::size_t>(size));
  }
  // As one that leaves by TLS's own word.
  void say_goodbye() {
    session_->end();
    push();
  }
  // False: the server ended the connection before so many bytes came.
  bool read_all(std::size_t bytes) {
    std::string into(bytes, '\0');
    return receive_all(into.data(), bytes);
  }
  // What is said to web_request(), without a body; as far as it comes.
  std::string read_head() {
    std::string all;
    for (char c; all.find("\r\n\r\n") == std::string::npos && receive(&c, 1) == 1;) all += c;
    return all;
  }
  // The next frame that comes over WebSocket.
  struct Frame {
    unsigned first;
    std::string text;
  };
  std::optional<Frame> read_frame() {
    unsigned char head[10];
    if (!receive_all(reinterpret_cast<char*>(head), 2)) return std::nullopt;
    const std::size_t more = head[1] == 127 ? 8 : head[1] == 126 ? 2 : 0;
    if (!receive_all(reinterpret_cast<char*>(head) + 2, more)) return std::nullopt;
    std::size_t size = more == 0 ? head[1] : 0;
    for (std::size_t i = 0; i < more; ++i) size = size << 8 | head[2 + i];
    Frame frame{head[0], std::string(size, '\0')};
    if (!receive_all(frame.text.data(), size)) return std::nullopt;
    return frame;
  }
  std::optional<std::string> read_web_message() {
    std::string all;
    while (const auto frame = read_frame()) {
      if ((frame->first & 0x0f) == 8) break;
      if (frame->first & 8) continue;
      all += frame->text;
      if (frame->first & 0x80) return all;
    }
    return std::nullopt;
  }
  // The next message that comes, its header left out; nullopt: the server ended the connection.
  std::optional<std::string> read_message(sp::Carrier carrier) {
    if (carrier == sp::Carrier::web) return read_web_message();
    if (!splitter_) splitter_.emplace(carrier, std::size_t{64} << 20);
    char bytes[4096];
    while (messages_.empty()) {
      const ssize_t size = receive(bytes, sizeof bytes);
      if (size <= 0) return std::nullopt;
      splitter_->take({bytes, static_cast<std::size_t>(size)}, messages_);
    }
    std::string first = std::move(messages_.front());
    messages_.erase(messages_.begin());
    return first;
  }
  // Reads until "text" comes; false: the server ended the connection before.
  bool read_until(const std::string& text) {
    std::string all;
    char bytes[4096];
    while (all.find(text) == std::string::npos) {
      const ssize_t size = receive(bytes, sizeof bytes);
      if (size <= 0) return false;
      all.append(bytes, static_cast<std::size_t>(size));
    }
    return true;
  }
  // Reads until the server ends the connection.
  bool wait_for_end() {
    timeval limit{20, 0};
    setsockopt(file_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    char bytes[4096];
    for (;;) {
      const ssize_t size = receive(bytes, sizeof bytes);
      if (size == 0) return true;
      if (size < 0) return errno == ECONNRESET;
    }
  }
  // From now on a write that cannot go out fails within a second.
  void hurry() { set_send_limit(1'000'000); }

 private:
  bool send_all(std::string_view bytes) {
    return ::send(file_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(bytes.size());
  }
  // What TLS has to say; and one piece of what it hears.
  bool push() {
    const std::string bytes(session_->outgoing());
    session_->sent(bytes.size());
    return bytes.empty() || send_all(bytes);
  }
  bool pull() {
    char bytes[4096];
    const ssize_t size = recv(file_, bytes, sizeof bytes, 0);
    if (size > 0) session_->receive({bytes, static_cast<std::size_t>(size)}, plain_);
    ended_ = size;
    return size > 0;
  }
  ssize_t receive(char* into, std::size_t size) {
    if (!session_) return recv(file_, into, size, 0);
    while (plain_.empty()) {
      if (session_->state() > tls::Session::State::up) return 0;
      if (!push() || !pull()) return ended_;
    }
    const std::size_t part = plain_.copy(into, size);
    plain_.erase(0, part);
    return static_cast<ssize_t>(part);
  }
  bool receive_all(char* into, std::size_t size) {
    while (size > 0) {
      const ssize_t part = receive(into, size);
      if (part <= 0) return false;
      into += part;
      size -= static_cast<std::size_t>(part);
    }
    return true;
  }
  void connect_tcp(const std::string& url) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
    while (!try_tcp(address)) close(file_);
  }
  // False where the server's queue is full: the system would try again after a
  // second, which is too long for a storm.
  bool try_tcp(const sockaddr_in& address) {
    file_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    set_send_limit(50'000);
    const int result = connect(file_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    if (result != 0 && errno == EINPROGRESS) return false;
    connected(result);
    const int yes = 1;  // small pieces are not held back
    setsockopt(file_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    set_send_limit(0);
    return true;
  }
  void set_send_limit(int microseconds) {
    const timeval limit{microseconds / 1'000'000, microseconds % 1'000'000};
    setsockopt(file_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  void connect_ipc(const std::string& url) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, url.c_str() + 6, sizeof address.sun_path - 1);
    file_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    connected(connect(file_, reinterpret_cast<sockaddr*>(&address), sizeof address));
  }
  static void connected(int result) {
    if (result != 0) throw Error(Code::io, std::string("connect: ") + std::strerror(errno));
  }

  const std::string url_;
  int file_ = -1;
  bool tcp_;
  std::unique_ptr<tls::Session> session_;  // null: in the clear
  std::string plain_;
  ssize_t ended_ = 0;  // what the last recv() gave
  std::optional<sp::Splitter> splitter_;
  std::vector<std::string> messages_;
};

// Listens at "path" as another program would, and leaves its socket there.
class RawListener {
 public:
  explicit RawListener(const std::string& path)
      : file_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    if (bind(file_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::listen(file_, 8) != 0)
      throw Error(Code::io, std::string("listen: ") + std::strerror(errno));
  }
  RawListener(const RawListener&) = delete;
  ~RawListener() { close(file_); }

 private:
  int file_;
};

}  // namespace domed::test

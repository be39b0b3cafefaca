#include "console/door.h"

#include <sys/socket.h>

#include <algorithm>

#include "console/answer.h"
#include "console/guard.h"
#include "console/threads.h"

namespace domed::console {
namespace {

using namespace std::chrono_literals;

constexpr auto kSlowestRequest = 10s;  // from its first byte to its last
constexpr auto kLongestIdle = 15s;     // between two of one connection
constexpr std::size_t kMostRequests = 10'000;
constexpr std::string_view kHeadEnd = "\r\n\r\n";

// What httplib sees of a connection: one request, which has been heard, and where the answer goes.
class Exchange : public httplib::Stream {
 public:
  Exchange(Wire& wire, std::string request) : wire_(wire), request_(std::move(request)) {}

  bool is_readable() const override { return true; }
  bool is_writable() const override { return true; }  // write() waits
  ssize_t read(char* into, std::size_t size) override {
    const std::size_t part = request_.copy(into, size, at_);
    at_ += part;
    return static_cast<ssize_t>(part);
  }
  ssize_t write(const char* bytes, std::size_t size) override {
    return wire_.write({bytes, size}) ? static_cast<ssize_t>(size) : -1;
  }
  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    tell(::getpeername, ip, port);
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    tell(::getsockname, ip, port);
  }
  // Nobody but us reads or waits there; and built to wait by select(), httplib refuses those above
  // 1,023.
  socket_t socket() const override { return INVALID_SOCKET; }

 private:
  template <class Name>
  void tell(Name name, std::string& ip, int& port) const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    std::array<char, NI_MAXHOST> host{};
    std::array<char, NI_MAXSERV> service{};
    if (name(wire_.socket(), reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
        ::getnameinfo(reinterpret_cast<sockaddr*>(&address), size, host.data(), host.size(),
                      service.data(), service.size(), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
      return;
    ip = host.data();
    port = std::atoi(service.data());
  }

  Wire& wire_;
  const std::string request_;
  std::size_t at_ = 0;
};

// Some versions of httplib ask the stream for the addresses, others are told them.
template <class Process>
bool process(Process process, Exchange& exchange, bool last, bool& closed,
             const std::function<void(httplib::Request&)>& set_up) {
  if constexpr (requires { process(exchange, last, closed, set_up); }) {
    return process(exchange, last, closed, set_up);
  } else {
    std::string ip, own_ip;
    int port = 0, own_port = 0;
    exchange.get_remote_ip_and_port(ip, port);
    exchange.get_local_ip_and_port(own_ip, own_port);
    return process(exchange, ip, port, own_ip, own_port, last, closed, set_up);
  }
}

}  // namespace

Door::Door(std::size_t most_connections, std::size_t most_body, tls::Owned<SSL_CTX> context)
    : most_body_(most_body), context_(std::move(context)) {
  new_task_queue = [this, most_connections] {
    return new Threads(most_connections, [this] { return waiting_.end_one(); });
  };
  set_payload_max_length(most_body);
  set_keep_alive_max_count(kMostRequests);
  set_keep_alive_timeout(std::chrono::seconds(kLongestIdle).count());
  set_tcp_nodelay(true);
}

bool Door::process_and_close_socket(socket_t socket) {
  Wire wire(socket, context_.get(), waiting_);
  if (Threads::refuses()) return false;
  std::string came;
  for (std::size_t left = kMostRequests; left > 0; --left) {
    auto request = hear(wire, came);
    if (!request || !answer(wire, std::move(*request), left == 1)) break;
  }
  return true;
}

// The next request, whole; nullopt: there is none.  "came" has what came behind the last one.
std::optional<std::string> Door::hear(Wire& wire, std::string& came) {
  const Waiting::Place place(waiting_, wire.socket());
  if (came.empty() && !wire.read(came, Wire::Clock::now() + kLongestIdle)) return std::nullopt;
  const auto until = Wire::Clock::now() + kSlowestRequest;
  std::size_t end = came.find(kHeadEnd);
  while (end == std::string::npos) {
    if (came.size() > kMostHead) return refuse(wire, {431, "the request is too long"});
    const std::size_t before = came.size() - std::min(came.size(), kHeadEnd.size() - 1);
    if (!wire.read(came, until)) return std::nullopt;
    end = came.find(kHeadEnd, before);
  }
  end += kHeadEnd.size();
  if (end > kMostHead) return refuse(wire, {431, "the request is too long"});
  auto read = read_head(std::string_view(came).substr(0, end), most_body_);
  if (const auto* objection = std::get_if<Objection>(&read)) return refuse(wire, *objection);
  auto& head = std::get<Head>(read);
  while (came.size() - end < head.body)
    if (!wire.read(came, until)) return std::nullopt;
  std::string out = std::move(head.text) + came.substr(end, head.body);
  came.erase(0, end + head.body);
  return out;
}

// Whatever follows is not looked at.
std::optional<std::string> Door::refuse(Wire& wire, const Objection& objection) {
  const std::string body = error_json(ApiError("E_INVALID_REQUEST", objection.why));
  std::string out = "HTTP/1.1 " + std::to_string(objection.status) + " Refused\r\n";
  for (const auto& [name, value] : Guard::headers(context_ != nullptr))
    out += name + ": " + value + "\r\n";
  out +=
      "Content-Type: application/json\r\nCache-Control: no-store\r\nConnection: close\r\n"
      "Content-Length: " +
      std::to_string(body.size()) + "\r\n\r\n" + body;
  if (wire.write(out)) wire.finish();
  return std::nullopt;
}

// Whether the connection goes on.
bool Door::answer(Wire& wire, std::string request, bool last) {
  Exchange exchange(wire, std::move(request));
  bool closed = false;
  const bool good = process(
      [this](auto&&... arguments) -> decltype(process_request(arguments...)) {
        return process_request(arguments...);
      },
      exchange, last, closed, [&wire](httplib::Request& seen) { seen.ssl = wire.ssl(); });
  return good && !closed && !last;
}

}  // namespace domed::console

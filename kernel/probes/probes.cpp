#include <utility>  // which Boost 1.74 forgets

#include "probes/probes.h"

#include <arpa/inet.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <charconv>
#include <chrono>
#include <deque>
#include <optional>
#include <thread>

#include "domed/error.h"

namespace domed {
namespace {

namespace http = boost::beast::http;
using boost::asio::ip::tcp;
using boost::beast::error_code;
using Request = http::request<http::empty_body>;
using namespace std::chrono_literals;

constexpr std::size_t kMostAskers = 64;  // at once; who came first makes room
constexpr std::uint32_t kMostHead = 8 << 10;
constexpr auto kSlowest = 2s;  // for a whole request, and for taking an answer

struct Place {
  std::string host;  // an address, without brackets
  int port = 0;
};

bool is_loopback(const std::string& host) {
  in_addr v4{};
  in6_addr v6{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  return inet_pton(AF_INET6, host.c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::optional<Place> place_of(const std::string& address) {
  const auto colon = address.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  Place out;
  out.host = address.substr(0, colon);
  const bool six = out.host.starts_with('[') && out.host.ends_with(']');
  if (six) out.host = out.host.substr(1, out.host.size() - 2);
  if (six != (out.host.find(':') != std::string::npos)) return std::nullopt;
  const std::string port = address.substr(colon + 1);
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (error != std::errc() || end != port.data() + port.size() || port.empty()) return std::nullopt;
  return out.port >= 0 && out.port <= 65535 ? std::optional(out) : std::nullopt;
}

// A name that only the asker's machine could have made ours is how a foreign page would get here.
bool is_ours(std::string host) {
  const auto colon = host.rfind(':');
  if (colon != std::string::npos && host.find(']', colon) == std::string::npos)
    host = host.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  return host == "localhost" || is_loopback(host);
}

// One connection: one request and its answer.
class Asker : public std::enable_shared_from_this<Asker> {
 public:
  Asker(tcp::socket socket, const Probes::Answers& answers)
      : stream_(std::move(socket)), answers_(answers) {}

  void start() {
    parser_.header_limit(kMostHead);
    parser_.skip(true);  // no body is read, whatever is said of one
    stream_.expires_after(kSlowest);
    http::async_read_header(
        stream_, buffer_, parser_,
        [self = shared_from_this()](error_code failure, std::size_t) { self->heard(failure); });
  }
  void end() { stream_.close(); }

 private:
  void heard(error_code failure) {
    if (!failure) return answer(parser_.get());
    if (failure == http::error::header_limit || failure == http::error::buffer_overflow)
      return say(http::status::request_header_fields_too_large, "the request is too long\n");
    // Else it went away, or was too slow.
    if (failure.category() == http::make_error_code(http::error::bad_method).category() &&
        failure != http::error::end_of_stream && failure != http::error::partial_message)
      say(http::status::bad_request, "this is no request of HTTP\n");
  }

  void answer(const Request& request) try {
    const std::string path(request.target().substr(0, request.target().find('?')));
    if (request.count(http::field::host) != 1 || !is_ours(std::string(request[http::field::host])))
      return say(http::status::forbidden, "ask this machine by its own name\n");
    if (request.method() != http::verb::get && request.method() != http::verb::head)
      return say(http::status::method_not_allowed, "only GET and HEAD are answered\n");
    if (request.count(http::field::content_length) + request.count(http::field::transfer_encoding))
      return say(http::status::bad_request, "a GET has no body\n");
    if (path == "/metrics")
      return say(http::status::ok, answers_.metrics(), "text/plain; version=0.0.4; charset=utf-8");
    if (path == "/healthz") return say(http::status::ok, "ok\n");
    if (path != "/readyz") return say(http::status::not_found, "there is nothing of this name\n");
    const std::string troubles = answers_.troubles();
    if (troubles.empty()) return say(http::status::ok, "ok\n");
    say(http::status::service_unavailable, troubles);
  } catch (const std::exception& e) {
    say(http::status::internal_server_error, std::string(e.what()) + "\n");
  }

  void say(http::status status, std::string text, const char* type = "text/plain") {
    answer_.result(status);
    answer_.set(http::field::content_type, type);
    answer_.content_length(text.size());
    answer_.keep_alive(false);
    if (parser_.get().method() != http::verb::head) answer_.body() = std::move(text);
    stream_.expires_after(kSlowest);
    http::async_write(stream_, answer_,
                      [self = shared_from_this()](error_code, std::size_t) { self->finish(); });
  }

  // An end with bytes unread would take the answer along: they are read while there is time.
  void finish() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    drain();
  }
  void drain() {
    buffer_.clear();
    stream_.async_read_some(buffer_.prepare(kMostHead),
                            [self = shared_from_this()](error_code failure, std::size_t) {
                              if (!failure) self->drain();
                            });
  }

  boost::beast::tcp_stream stream_;
  const Probes::Answers& answers_;
  boost::beast::flat_buffer buffer_{kMostHead};
  http::request_parser<http::empty_body> parser_;
  http::response<http::string_body> answer_;
};

}  // namespace

std::string probes_address_problem(const std::string& address) {
  const auto place = place_of(address);
  if (!place)
    return "must be an address of loopback and a port, such as 127.0.0.1:9464 or [::1]:9464";
  if (!is_loopback(place->host))
    return "must be an address of loopback: who asks shows neither name nor secret; give it to "
           "others by a proxy that asks them";
  return "";
}

// A thread does all of it, and waits for nobody: a stranger who says nothing, or little by little,
// holds a place among kMostAskers for two seconds, and whoever comes when there is none left has
// the oldest one's.
struct Probes::Server {
  Answers answers;
  boost::asio::io_context loop{1};
  tcp::acceptor acceptor{loop};
  boost::asio::steady_timer pause{loop};
  std::deque<std::weak_ptr<Asker>> askers;  // in the order in which they came
  std::thread thread;

  void bind(const std::string& address) {
    const auto [host, port] = *place_of(address);
    const tcp::endpoint place(boost::asio::ip::make_address(host),
                              static_cast<std::uint16_t>(port));
    error_code failure;
    acceptor.open(place.protocol(), failure);
    if (!failure) acceptor.set_option(tcp::acceptor::reuse_address(true), failure);
    if (!failure) acceptor.bind(place, failure);
    if (!failure) acceptor.listen(tcp::acceptor::max_listen_connections, failure);
    if (failure)
      throw Error(Code::conflict,
                  "metrics.listen: cannot listen at " + address + ": " + failure.message());
  }

  void accept() {
    acceptor.async_accept([this](error_code failure, tcp::socket socket) {
      if (failure == boost::asio::error::operation_aborted) return;
      if (!failure) take(std::move(socket));
      if (!failure) return accept();
      // There is no descriptor to be had, for one.
      pause.expires_after(10ms);
      pause.async_wait([this](error_code over) {
        if (!over) accept();
      });
    });
  }

  void take(tcp::socket socket) {
    std::erase_if(askers, [](const auto& asker) { return asker.expired(); });
    if (askers.size() >= kMostAskers) {
      if (const auto oldest = askers.front().lock()) oldest->end();
      askers.pop_front();
    }
    const auto asker = std::make_shared<Asker>(std::move(socket), answers);
    askers.push_back(asker);
    asker->start();
  }
};

Probes::Probes(const std::string& address, Answers answers) : server_(std::make_unique<Server>()) {
  if (const std::string problem = probes_address_problem(address); !problem.empty())
    throw Error(Code::invalid_argument, "metrics.listen " + problem);
  server_->answers = std::move(answers);
  server_->bind(address);
  server_->accept();
  server_->thread = std::thread([server = server_.get()] { server->loop.run(); });
}

Probes::~Probes() {
  server_->loop.stop();
  if (server_->thread.joinable()) server_->thread.join();
}

std::string Probes::address() const {
  const tcp::endpoint place = server_->acceptor.local_endpoint();
  const std::string host = place.address().to_string();
  return (place.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(place.port());
}

}  // namespace domed

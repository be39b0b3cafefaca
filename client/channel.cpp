#include "client/channel.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <random>

#include "base/json.h"
#include "domed/error.h"
#include "protocol/endpoint.h"

namespace domed {
namespace {

// The last word of a backtrace, and the only one of ours, has its highest bit set.
constexpr std::uint32_t kIdBit = 0x80000000;
constexpr std::size_t kIdBytes = 4;

std::array<char, kIdBytes> word_of(std::uint32_t id) {
  return {static_cast<char>(id >> 24), static_cast<char>(id >> 16), static_cast<char>(id >> 8),
          static_cast<char>(id)};
}

std::uint32_t id_of(std::string_view message) {
  std::uint32_t id = 0;
  for (const char c : message.substr(0, kIdBytes)) id = id << 8 | static_cast<unsigned char>(c);
  return id;
}

// What may pass by itself is the most telling: it is worth another try.
int most_telling(const std::vector<Connection::Failure>& failures) {
  for (const auto& failure : failures)
    if (failure.error == EAGAIN || failure.error == ECONNRESET) return failure.error;
  return failures.empty() ? ETIMEDOUT : failures.front().error;
}

bool is_local(const std::string& url) {
  const std::string place = url.substr(url.find("://") + 3);
  const std::string host =
      place.substr(0, place.find_first_of(":/", place.starts_with('[') ? place.find(']') : 0));
  in_addr address{};
  return host == "localhost" || host == "[::1]" ||
         (inet_pton(AF_INET, host.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

// Only what goes over a network needs one; where all is ipc it is not even read.
std::string token_member(const std::vector<std::string>& urls, const Credentials& credentials) {
  const bool needed = std::any_of(urls.begin(), urls.end(),
                                  [](const auto& url) { return url_scheme(url) != "ipc"; });
  const std::string token = needed ? credentials.read_token() : "";
  // To whom a URL leads is asked once there is a connection (client/peer.h).
  for (const std::string& url : urls)
    if (!token.empty() && url.starts_with("ws") && !is_local(url))
      throw Error(Code::invalid_argument,
                  url +
                      " would carry the token over a network without TLS of ours: write "
                      "tls+tcp://, as the daemon's --check shows it, or give no token");
  return token.empty() ? "" : R"("token":)" + json_string(token) + ",";
}

}  // namespace

class Channel::Exchange {
 public:
  Id id = 0;
  Clock::time_point begun, deadline;
  Done done;
  std::string request;                   // while it is unsent
  const std::string* sent_to = nullptr;  // of urls()
  bool over = false;
  int result = 0;
  Reply reply;
  Waiter* waiter = nullptr;
};

Channel::Channel(std::vector<std::string> urls, Credentials credentials)
    : Connection(std::move(urls), sp::Role::req, std::move(credentials)),
      token_(token_member(this->urls(), credentials_)),
      next_id_(std::random_device{}()) {}

Channel::~Channel() {
  close();
}

int Channel::dial(std::chrono::milliseconds limit, const std::stop_token& stop) {
  Lock lock(mutex_);
  if (ever_up_) return 0;
  try_now();
  const auto before = rounds_;
  await(lock, Clock::now() + limit, stop, [&] { return ever_up_ || rounds_ != before; });
  if (ever_up_) return 0;
  if (rounds_ != before) return most_telling(failures_);
  return stop.stop_requested() || closing_ ? ECANCELED : ETIMEDOUT;
}

bool Channel::await_connection(std::chrono::milliseconds limit, const std::stop_token& stop) {
  Lock lock(mutex_);
  if (up_) look(lock);
  if (!up_)
    await(lock, Clock::now() + limit, stop, [this] { return up_ || distrust_.has_value(); });
  return up_;
}

std::shared_ptr<Channel::Exchange> Channel::add(std::string_view request,
                                                std::chrono::milliseconds timeout, Done done) {
  auto exchange = std::make_shared<Exchange>();
  exchange->begun = Clock::now();
  exchange->deadline = exchange->begun + timeout;
  exchange->done = std::move(done);
  do exchange->id = ++next_id_ | kIdBit;
  while (under_way_.contains(exchange->id));
  under_way_[exchange->id] = exchange;
  due_ = std::min(due_, exchange->deadline);
  if (up_) {
    transmit(*exchange, request);
  } else {
    exchange->request = request;
    unsent_.push_back(exchange);
  }
  look_again();
  return exchange;
}

void Channel::transmit(Exchange& exchange, std::string_view request) {
  exchange.sent_to = &url_in_use();
  const auto word = word_of(exchange.id);
  std::string with_token;
  // Here, for the next URL that it goes to may need none: over ipc the system says who asks.
  if (!token_.empty() && url_scheme(url_in_use()) != "ipc")
    request = with_token = "{" + token_ + std::string(request.substr(1));
  const int result = send({word.data(), word.size()}, request);
  // All other errors are those of the connection, whose end is near.
  if (result == ENOBUFS) end(under_way_[exchange.id], result, {});
}

std::shared_ptr<Channel::Exchange> Channel::begin(std::string_view request,
                                                  std::chrono::milliseconds timeout,
                                                  const std::string* only_at) {
  const std::lock_guard lock(mutex_);
  if (only_at && (!up_ || url_in_use() != *only_at)) {
    auto refused = std::make_shared<Exchange>();
    refused->over = true;
    refused->result = ENOTCONN;
    refused->deadline = Clock::time_point::max();
    return refused;
  }
  auto exchange = add(request, timeout, nullptr);
  leave_to_keeper();
  return exchange;
}

void Channel::start(std::string_view request, std::chrono::milliseconds timeout, Done done) {
  const std::lock_guard lock(mutex_);
  add(request, timeout, std::move(done));
}

int Channel::finish(Exchange& exchange, const std::stop_token& stop, Reply& reply) {
  Lock lock(mutex_);
  const auto over = [&exchange] { return exchange.over; };
  if (!await(lock, exchange.deadline, stop, over, &exchange.waiter)) {
    under_way_.erase(exchange.id);
    reply.url_ = exchange.sent_to;
    return stop.stop_requested() || closing_ ? ECANCELED : ETIMEDOUT;
  }
  reply = std::move(exchange.reply);
  return exchange.result;
}

void Channel::read_ahead() {
  const std::lock_guard lock(mutex_);
  keep();
}

void Channel::serve(Clock::time_point until) {
  Lock lock(mutex_);
  await(lock, until, {}, [this] { return interrupted_; });
  interrupted_ = false;
}

void Channel::interrupt() {
  const std::lock_guard lock(mutex_);
  interrupted_ = true;
  wake_leader();
}

void Channel::doubt(const Exchange& exchange) {
  const std::lock_guard lock(mutex_);
  doubt_with_lock(exchange);
}

void Channel::doubt_with_lock(const Exchange& exchange) {
  if (urls().size() > 1 && up_ && heard_at_ < exchange.begun) drop(ETIMEDOUT);
}

void Channel::leave(const std::string& url) {
  const std::lock_guard lock(mutex_);
  if (urls().size() > 1 && up_ && url_in_use() == url) drop(kLeft);
}

void Channel::connected() {
  for (const auto& one : std::exchange(unsent_, {}))
    if (const auto exchange = one.lock(); exchange && !exchange->over)
      transmit(*exchange, std::exchange(exchange->request, {}));
}

void Channel::end(std::shared_ptr<Exchange> exchange, int result, Reply reply) {
  under_way_.erase(exchange->id);
  exchange->over = true;
  exchange->result = result;
  exchange->reply = std::move(reply);
  exchange->reply.url_ = exchange->sent_to;
  if (exchange->waiter) exchange->waiter->wake();
  if (exchange->done) done_.push_back(std::move(exchange));
}

void Channel::lost(int failure) {
  for (const auto& [id, exchange] : std::unordered_map(under_way_))
    if (exchange->sent_to) end(exchange, failure, {});
}

bool Channel::received(std::vector<std::string>& messages) {
  for (auto& message : messages) {
    if (message.size() < kIdBytes) return false;
    const auto found = under_way_.find(id_of(message));
    if (found == under_way_.end() || !found->second->sent_to) continue;
    end(found->second, 0, Reply(std::move(message), kIdBytes));
  }
  return true;
}

void Channel::do_due(Clock::time_point now) {
  due_ = Clock::time_point::max();
  for (const auto& [id, exchange] : std::unordered_map(under_way_)) {
    if (exchange->deadline <= now) {
      doubt_with_lock(*exchange);
      end(exchange, ETIMEDOUT, {});
    } else {
      due_ = std::min(due_, exchange->deadline);
    }
  }
}

void Channel::tell(Lock& lock) {
  if (done_.empty()) return;
  const auto done = std::exchange(done_, {});
  lock.unlock();
  for (const auto& exchange : done) exchange->done(exchange->result, std::move(exchange->reply));
  lock.lock();
  interrupted_ = true;
}

}  // namespace domed

#include "client/subscription.h"

#include <nng/protocol/pubsub0/sub.h>

namespace domed {
namespace {

constexpr int kReceiveBuffer = 8192;  // nng's largest; its default loses bursts
constexpr std::size_t kFrameBytes = 16 << 20;
constexpr std::size_t kHeldMessages = 8192;
constexpr std::size_t kHeldBytes = 64 << 20;

void configure(nng_socket socket, const std::vector<std::string>& topics) {
  check_nng(nng_socket_set_int(socket, NNG_OPT_RECVBUF, kReceiveBuffer), "cannot set the buffer");
  check_nng(nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, kFrameBytes), "cannot bound frames");
  check_nng(nng_socket_set_ms(socket, NNG_OPT_RECONNMINT, 50), "cannot set the redial time");
  check_nng(nng_socket_set_ms(socket, NNG_OPT_RECONNMAXT, 1000), "cannot set the redial time");
  for (const auto& topic : topics)
    check_nng(nng_socket_set(socket, NNG_OPT_SUB_SUBSCRIBE, topic.data(), topic.size()),
              "cannot subscribe");
}

}  // namespace

Subscription::Subscription(const std::string& url, const std::vector<std::string>& topics)
    : url_(url), socket_(nng_sub0_open) {
  configure(socket_.get(), topics);
  check_nng(nng_pipe_notify(socket_.get(), NNG_PIPE_EV_ADD_PRE, found, this),
            "cannot watch connections");
  check_nng(nng_pipe_notify(socket_.get(), NNG_PIPE_EV_ADD_POST, connected, this),
            "cannot watch connections");
  check_nng(nng_dial(socket_.get(), url.c_str(), nullptr, NNG_FLAG_NONBLOCK), "cannot dial " + url);
  check_nng(nng_aio_alloc(&aio_, received, this), "cannot allocate an operation");
  nng_aio_set_timeout(aio_, NNG_DURATION_INFINITE);
  nng_recv_aio(socket_.get(), aio_);
}

Subscription::~Subscription() {
  socket_.close();
  nng_aio_free(aio_);
}

void Subscription::found(nng_pipe pipe, nng_pipe_ev, void* argument) {
  const auto& self = *static_cast<Subscription*>(argument);
  if (self.peers_.objection(pipe, self.url_)) nng_pipe_close(pipe);
}

void Subscription::connected(nng_pipe, nng_pipe_ev, void* argument) {
  auto& self = *static_cast<Subscription*>(argument);
  const std::lock_guard lock(self.mutex_);
  self.connected_ = true;
  self.changed_.notify_all();
}

void Subscription::received(void* argument) {
  auto& self = *static_cast<Subscription*>(argument);
  if (nng_aio_result(self.aio_) != 0) return;  // closed
  Message message(nng_aio_get_msg(self.aio_));
  {
    const std::lock_guard lock(self.mutex_);
    self.bytes_ += nng_msg_len(message.get());
    self.messages_.push_back(std::move(message));
    self.paused_ = self.messages_.size() >= kHeldMessages || self.bytes_ >= kHeldBytes;
    self.changed_.notify_all();
    if (self.paused_) return;  // nng's own buffer takes the next ones
  }
  nng_recv_aio(self.socket_.get(), self.aio_);
}

void Subscription::await_connection(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time, [&] { return connected_; });
}

std::optional<Message> Subscription::next(std::chrono::steady_clock::time_point until,
                                          const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_until(lock, stop, until, [&] { return !messages_.empty(); }))
    return std::nullopt;
  Message message = std::move(messages_.front());
  messages_.pop_front();
  bytes_ -= nng_msg_len(message.get());
  const bool resume = paused_ && messages_.empty();
  if (resume) paused_ = false;
  lock.unlock();
  if (resume) nng_recv_aio(socket_.get(), aio_);
  return message;
}

}  // namespace domed

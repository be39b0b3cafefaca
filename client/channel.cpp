#include "client/channel.h"

#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>

namespace domed {
namespace {

constexpr std::size_t kReplyBytes = 16 << 20;

// nng makes its threads at its first call; they inherit the mask, and must not
// take signals that are meant for the program.
Socket open_unsignalled() {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    Socket socket(nng_req0_open);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return socket;
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
}

nng_duration duration(std::chrono::milliseconds time) {
  return static_cast<nng_duration>(std::clamp<std::int64_t>(time.count(), 1, 0x7fffffff));
}

}  // namespace

struct Channel::Exchange {
  Channel* channel = nullptr;
  nng_ctx context = NNG_CTX_INITIALIZER;
  nng_aio* aio = nullptr;
  bool sending = false;
  std::chrono::steady_clock::time_point deadline;
  Done done;

  ~Exchange() {
    if (aio) nng_aio_free(aio);
  }
  nng_duration left() const {
    return duration(std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now()));
  }
};

Channel::Channel(std::string url) : url_(std::move(url)), socket_(open_unsignalled()) {
  const nng_socket s = socket_.get();
  check_nng(nng_socket_set_ms(s, NNG_OPT_REQ_RESENDTIME, -1), "cannot switch re-sending off");
  check_nng(nng_socket_set_size(s, NNG_OPT_RECVMAXSZ, kReplyBytes), "cannot bound replies");
  check_nng(nng_socket_set_ms(s, NNG_OPT_RECONNMINT, 50), "cannot set the redial time");
  check_nng(nng_socket_set_ms(s, NNG_OPT_RECONNMAXT, 1000), "cannot set the redial time");
  for (const auto event : {NNG_PIPE_EV_ADD_POST, NNG_PIPE_EV_REM_POST})
    check_nng(nng_pipe_notify(s, event, pipe_changed, this), "cannot watch connections");
}

// Contexts first, and none of them in use: a socket that closes while the last
// user leaves one of its contexts is freed under that user's hands (nng 1.5.2,
// nni_ctx_rele wakes the closer before it destroys the context).
Channel::~Channel() {
  {
    std::unique_lock lock(mutex_);
    closing_ = true;
    changed_.wait(lock, [&] { return receiving_ == 0; });
  }
  for (const auto& exchange : exchanges_) nng_ctx_close(exchange->context);
  socket_.close();
  exchanges_.clear();  // waits for the callbacks
}

// Begins the second half of an exchange; false: the channel is closing.
bool Channel::receive(Exchange& exchange) {
  {
    const std::lock_guard lock(mutex_);
    if (closing_) return false;
    ++receiving_;
  }
  exchange.sending = false;
  nng_aio_set_timeout(exchange.aio, exchange.left());
  nng_ctx_recv(exchange.context, exchange.aio);
  const std::lock_guard lock(mutex_);
  if (--receiving_ == 0 && closing_) changed_.notify_all();
  return true;
}

void Channel::pipe_changed(nng_pipe pipe, nng_pipe_ev event, void* channel) {
  auto& self = *static_cast<Channel*>(channel);
  const std::lock_guard lock(self.mutex_);
  if (event == NNG_PIPE_EV_ADD_POST)
    self.pipes_.insert(nng_pipe_id(pipe));
  else
    self.pipes_.erase(nng_pipe_id(pipe));
  self.changed_.notify_all();
}

bool Channel::connected() const {
  const std::lock_guard lock(mutex_);
  return !pipes_.empty();
}

bool Channel::await_connection(std::chrono::milliseconds limit, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, stop, limit, [&] { return !pipes_.empty(); });
}

int Channel::dial() {
  const std::lock_guard lock(dial_mutex_);
  return dialed_ ? 0 : start_dialer(0);
}

void Channel::background() {
  const std::lock_guard lock(dial_mutex_);
  if (!dialed_) check_nng(start_dialer(NNG_FLAG_NONBLOCK), "cannot dial " + url_);
}

int Channel::start_dialer(int flags) {
  const int result = nng_dial(socket_.get(), url_.c_str(), nullptr, flags);
  dialed_ = result == 0;
  return result;
}

Channel::Exchange& Channel::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      Exchange& exchange = *idle_.back();
      idle_.pop_back();
      return exchange;
    }
  }
  auto made = std::make_unique<Exchange>();
  made->channel = this;
  check_nng(nng_aio_alloc(&made->aio, step, made.get()), "cannot allocate an operation");
  check_nng(nng_ctx_open(&made->context, socket_.get()), "cannot open a context");
  const std::lock_guard lock(mutex_);
  return *exchanges_.emplace_back(std::move(made));
}

void Channel::give_back(Exchange& exchange) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(&exchange);
}

void Channel::start(std::string_view request, std::chrono::milliseconds timeout, Done done) {
  Message message = make_message(request);
  Exchange& exchange = take();
  exchange.done = std::move(done);
  exchange.sending = true;
  exchange.deadline = std::chrono::steady_clock::now() + timeout;
  nng_aio_set_timeout(exchange.aio, duration(timeout));
  nng_aio_set_msg(exchange.aio, message.release());
  nng_ctx_send(exchange.context, exchange.aio);
}

void Channel::step(void* argument) {
  auto& exchange = *static_cast<Exchange*>(argument);
  Channel& channel = *exchange.channel;
  int result = nng_aio_result(exchange.aio);
  Message message;
  if (exchange.sending && result == 0) {
    if (channel.receive(exchange)) return;
    result = NNG_ECLOSED;
  } else if (result == 0 || exchange.sending) {
    message.reset(nng_aio_get_msg(exchange.aio));  // a failed send gives its own back
    nng_aio_set_msg(exchange.aio, nullptr);
  }
  if (result != 0) message.reset();
  const Done done = std::exchange(exchange.done, nullptr);
  channel.give_back(exchange);
  done(result, std::move(message));
}

}  // namespace domed

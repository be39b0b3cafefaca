#include "client/channel.h"

#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>

namespace domed {
namespace {

constexpr std::size_t kReplyBytes = 16 << 20;

// nng makes its threads at its first call; they, and ours, inherit the mask, and must
// not take signals that are meant for the program.
class Unsignalled {
 public:
  Unsignalled() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~Unsignalled() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  Unsignalled(const Unsignalled&) = delete;
  Unsignalled& operator=(const Unsignalled&) = delete;

 private:
  sigset_t before_;
};

Socket open_unsignalled() {
  const Unsignalled unsignalled;
  return Socket(nng_req0_open);
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
  check_nng(nng_pipe_notify(s, NNG_PIPE_EV_ADD_PRE, pipe_found, this), "cannot watch connections");
  for (const auto event : {NNG_PIPE_EV_ADD_POST, NNG_PIPE_EV_REM_POST})
    check_nng(nng_pipe_notify(s, event, pipe_changed, this), "cannot watch connections");
}

// Contexts first, and none of them in use: a socket that closes while the last
// user leaves one of its contexts is freed under that user's hands (nng 1.5.2,
// nni_ctx_rele wakes the closer before it destroys the context).
Channel::~Channel() {
  bool dialing = false;
  {
    std::unique_lock lock(mutex_);
    closing_ = true;
    changed_.wait(lock, [&] { return receiving_ == 0; });
    dialing = dialing_;
  }
  if (dialing) nng_dialer_close(dialer_);  // ends the dial; it may call us, who take the lock
  if (dial_thread_.joinable()) dial_thread_.join();
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

// Before the pipe is used: a request that waits for a connection goes out with the next.
void Channel::pipe_found(nng_pipe pipe, nng_pipe_ev, void* channel) {
  auto& self = *static_cast<Channel*>(channel);
  auto why = self.peers_.objection(pipe, self.url_);
  const bool refused = why.has_value();
  {
    const std::lock_guard lock(self.mutex_);
    self.distrust_ = std::move(why);
    self.changed_.notify_all();
  }
  if (refused) nng_pipe_close(pipe);
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

std::optional<std::string> Channel::distrust() const {
  const std::lock_guard lock(mutex_);
  return distrust_;
}

bool Channel::connected() const {
  const std::lock_guard lock(mutex_);
  return !pipes_.empty();
}

bool Channel::await_connection(std::chrono::milliseconds limit, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, limit, [&] { return !pipes_.empty() || distrust_; });
  return !pipes_.empty();
}

int Channel::dial(std::chrono::milliseconds limit, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  if (dialed_) return 0;
  if ((distrust_ = peers_.objection(url_))) return NNG_EPERM;
  if (!dialing_)
    if (const int result = begin_dialing()) return result;
  const auto over = [&, before = attempts_] { return attempts_ != before; };
  if (changed_.wait_for(lock, stop, limit, over)) return dial_result_;
  return stop.stop_requested() ? NNG_ECANCELED : NNG_ETIMEDOUT;
}

// With the mutex held.  nng's own dial waits for the peer's handshake, and cannot be
// told to stop but by its end.
int Channel::begin_dialing() {
  if (const int result = nng_dialer_create(&dialer_, socket_.get(), url_.c_str())) return result;
  if (dial_thread_.joinable()) dial_thread_.join();  // its attempt is over
  const Unsignalled unsignalled;
  dial_thread_ = std::thread([this] { finish_dialing(); });
  dialing_ = true;
  return 0;
}

void Channel::finish_dialing() {
  const int result = nng_dialer_start(dialer_, 0);
  if (result != 0) nng_dialer_close(dialer_);
  const std::lock_guard lock(mutex_);
  dialing_ = false;
  dialed_ = result == 0;
  dial_result_ = result;
  ++attempts_;
  changed_.notify_all();
}

void Channel::background() {
  const std::lock_guard lock(mutex_);
  if (dialed_ || dialing_) return;
  check_nng(nng_dial(socket_.get(), url_.c_str(), nullptr, NNG_FLAG_NONBLOCK),
            "cannot dial " + url_);
  dialed_ = true;
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

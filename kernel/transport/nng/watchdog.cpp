#include "transport/nng/watchdog.h"

#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/req.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <memory>

#include "domed/error.h"
#include "protocol/endpoint.h"
#include "protocol/event.h"
#include "transport/nng/socket.h"

namespace domed {
namespace {

using Clock = std::chrono::steady_clock;

// One call may fail by a full backlog or a busy machine; to listen anew for that would be the only
// disturbance.
constexpr int kStrikes = 2;

// Its connection must not be tried again: one arrival belongs to one probe.
constexpr nng_duration kNever = 60'000;

}  // namespace

// One call to one listener.  It is ended by closing its socket only: cancelling
// or timing out a receive is not safe in this library.
class Watchdog::Probe {
 public:
  Probe(Watchdog& owner, Endpoint& endpoint, bool control)
      : owner_(owner),
        endpoint_(endpoint),
        socket_(control ? nng_req0_open : nng_sub0_open),
        id_(socket_.get()) {
    check_nng(nng_aio_alloc(&aio_, &Probe::completed, this), "cannot allocate a probe");
    arrivals_ = endpoint.arrivals();
    deadline_ =
        Clock::now() + (control ? owner.options_.control_timeout : owner.options_.event_timeout);
    if (control)
      prepare_control();
    else
      prepare_event();
    nng_socket_set_ms(id_, NNG_OPT_RECONNMINT, kNever);
    nng_socket_set_ms(id_, NNG_OPT_RECONNMAXT, kNever);
    nng_dial(id_, endpoint.url().c_str(), nullptr, NNG_FLAG_NONBLOCK);
  }
  ~Probe() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    socket_.close();
    nng_aio_stop(aio_);
    nng_aio_free(aio_);
  }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  Clock::time_point deadline() const { return deadline_; }
  // With the owner's lock held.
  bool answered() const { return answered_; }
  bool arrived() const { return endpoint_.arrivals() != arrivals_; }

 private:
  void prepare_control() {
    nng_socket_set_ms(id_, NNG_OPT_REQ_RESENDTIME, -1);
    sending_ = true;
    nng_aio_set_msg(aio_, make_message(owner_.options_.ping).release());
    nng_send_aio(id_, aio_);
  }
  void prepare_event() {
    nng_socket_set(id_, NNG_OPT_SUB_SUBSCRIBE, kDaemonTopic.data(), kDaemonTopic.size());
    nng_recv_aio(id_, aio_);
  }
  static void completed(void* self) { static_cast<Probe*>(self)->proceed(); }
  void proceed() {
    const bool failed = nng_aio_result(aio_) != 0;
    if (failed || !sending_) Message(nng_aio_get_msg(aio_)).reset();
    nng_aio_set_msg(aio_, nullptr);
    if (failed) return;
    if (std::exchange(sending_, false)) {
      receive_reply();
      return;
    }
    const std::lock_guard lock(owner_.mutex_);
    answered_ = true;
    owner_.changed_.notify_all();
  }

  // A receive that begins while its socket is being closed would never end.
  void receive_reply() {
    const std::lock_guard lock(mutex_);
    if (!ending_) nng_recv_aio(id_, aio_);
  }

  Watchdog& owner_;
  Endpoint& endpoint_;
  std::mutex mutex_;
  bool ending_ = false;
  Socket socket_;
  const nng_socket id_;  // for callbacks that run while socket_ is closed
  nng_aio* aio_ = nullptr;
  std::uint64_t arrivals_ = 0;
  Clock::time_point deadline_;
  bool sending_ = false;
  bool answered_ = false;
};

Watchdog::Watchdog(WatchdogOptions options, const std::vector<Endpoint*>& control,
                   const std::vector<Endpoint*>& events)
    : options_(std::move(options)) {
  const auto add = [&](Endpoint* endpoint, bool is_control) {
    const std::string scheme = url_scheme(endpoint->url());
    if (scheme == "ipc" || scheme == "tcp") watched_.push_back({endpoint, is_control});
  };
  for (Endpoint* endpoint : control) add(endpoint, true);
  for (Endpoint* endpoint : events) add(endpoint, false);
}

Watchdog::~Watchdog() {
  stop();
}

void Watchdog::start() {
  thread_ = std::thread([this] { run(); });
}

void Watchdog::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Watchdog::run() {
  std::unique_lock lock(mutex_);
  while (!changed_.wait_for(lock, options_.period, [&] { return stopping_; })) {
    lock.unlock();
    try {
      check_once();
    } catch (const std::exception& failure) {
      spdlog::warn("cannot check the listeners: {}", failure.what());
    }
    lock.lock();
  }
}

// What lies at a place that is not ours is not called: it would be another's.
std::size_t Watchdog::put_in_place(std::vector<Watched*>& callable) {
  std::size_t reopened = 0;
  for (Watched& watched : watched_) {
    if (!watched.endpoint->in_place()) {
      watched.deaf = watched.silent = 0;
      if (!reopen(watched, Fault::moved)) continue;
      ++reopened;
    }
    callable.push_back(&watched);
  }
  return reopened;
}

std::size_t Watchdog::check_once() {
  std::vector<Watched*> callable;
  std::size_t reopened = put_in_place(callable);
  std::vector<std::unique_ptr<Probe>> probes;
  for (const Watched* watched : callable)
    probes.push_back(std::make_unique<Probe>(*this, *watched->endpoint, watched->control));
  std::vector<bool> answered;
  {
    std::unique_lock lock(mutex_);
    for (const auto& probe : probes)
      answered.push_back(changed_.wait_until(lock, probe->deadline(), [&] {
        return probe->answered() || stopping_;
      }) && probe->answered());
    if (stopping_) return reopened;
  }
  for (std::size_t i = 0; i < probes.size(); ++i) {
    const bool arrived = probes[i]->arrived();
    probes[i].reset();
    if (judge(*callable[i], answered[i], arrived)) ++reopened;
  }
  return reopened;
}

bool Watchdog::judge(Watched& watched, bool answered, bool arrived) {
  watched.deaf = answered || arrived ? 0 : watched.deaf + 1;
  watched.silent = answered || !arrived ? 0 : watched.silent + 1;
  if (watched.silent == kStrikes)
    spdlog::warn("{} takes connections but does not answer: the daemon is overloaded or stuck",
                 watched.endpoint->url());
  if (watched.deaf < kStrikes) return false;
  watched.deaf = 0;
  return reopen(watched, Fault::deaf);
}

// The same trouble is told once, not every other second.
bool Watchdog::reopen(Watched& watched, Fault fault) {
  const std::string url = watched.endpoint->url();
  try {
    watched.endpoint->relisten();
    watched.trouble.clear();
    spdlog::warn(
        "{} {} and was opened anew", url,
        fault == Fault::moved ? "was removed or replaced" : "took no connections any more");
    return true;
  } catch (const Error& failure) {
    if (std::exchange(watched.trouble, failure.what()) != failure.what())
      spdlog::error("{} {}, and cannot be opened anew: {}; tried again every few seconds", url,
                    fault == Fault::moved ? "was removed or replaced" : "takes no connections",
                    failure.what());
    return false;
  }
}

}  // namespace domed

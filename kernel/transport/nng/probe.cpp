#include "transport/nng/probe.h"

#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/req.h>

#include "protocol/event.h"

namespace domed {
namespace {

// Its connection must not be tried again: one arrival belongs to one probe.
constexpr nng_duration kNever = 60'000;

}  // namespace

Probe::Probe(const Endpoint& endpoint, const std::string& ping, std::function<void()> answered)
    : endpoint_(endpoint),
      answered_(std::move(answered)),
      socket_(ping.empty() ? nng_sub0_open : nng_req0_open),
      id_(socket_.get()),
      arrivals_(endpoint.arrivals()) {
  const auto completed = [](void* self) { static_cast<Probe*>(self)->proceed(); };
  check_nng(nng_aio_alloc(&aio_, completed, this), "cannot allocate a probe");
  ping.empty() ? listen() : ask(ping);
  nng_socket_set_ms(id_, NNG_OPT_RECONNMINT, kNever);
  nng_socket_set_ms(id_, NNG_OPT_RECONNMAXT, kNever);
  nng_dial(id_, endpoint.url().c_str(), nullptr, NNG_FLAG_NONBLOCK);
}

Probe::~Probe() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  socket_.close();
  nng_aio_stop(aio_);
  nng_aio_free(aio_);
}

void Probe::ask(const std::string& ping) {
  nng_socket_set_ms(id_, NNG_OPT_REQ_RESENDTIME, -1);
  sending_ = true;
  nng_aio_set_msg(aio_, make_message(ping).release());
  nng_send_aio(id_, aio_);
}

void Probe::listen() {
  nng_socket_set(id_, NNG_OPT_SUB_SUBSCRIBE, kDaemonTopic.data(), kDaemonTopic.size());
  nng_recv_aio(id_, aio_);
}

void Probe::proceed() {
  const bool failed = nng_aio_result(aio_) != 0;
  if (failed || !sending_) Message(nng_aio_get_msg(aio_)).reset();
  nng_aio_set_msg(aio_, nullptr);
  if (failed) return;
  if (std::exchange(sending_, false))
    receive_reply();
  else
    answered_();
}

// A receive that begins while its socket is being closed would never end.
void Probe::receive_reply() {
  const std::lock_guard lock(mutex_);
  if (!ending_) nng_recv_aio(id_, aio_);
}

}  // namespace domed

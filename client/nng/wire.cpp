#include "client/nng/wire.h"

#include <netinet/in.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/req.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <cstring>

#include "base/unsignalled.h"

namespace domed {
namespace {

constexpr int kQueued = 8192;  // nng's longest queues; its default loses bursts of frames
constexpr std::size_t kMostUnread = 64 << 20;

// nng's numbers are told as those of the system, which we use everywhere else.
int error_of_nng(int result) {
  if (result & NNG_ESYSERR) return result & ~NNG_ESYSERR;
  switch (result) {
    case 0:
      return 0;
    case NNG_ECONNREFUSED:
      return ECONNREFUSED;
    case NNG_ETIMEDOUT:
      return ETIMEDOUT;
    case NNG_EPROTO:
      return EPROTO;
    case NNG_EADDRINVAL:
      return EADDRNOTAVAIL;
    case NNG_EUNREACHABLE:
      return EHOSTUNREACH;
    case NNG_EPEERAUTH:
    case NNG_ECRYPTO:
      return EKEYREJECTED;
    case NNG_EPERM:
      return EPERM;
    case NNG_ENOTSUP:
      return EPROTONOSUPPORT;
    case NNG_ENOMEM:
      return ENOMEM;
    case NNG_ENOFILES:
      return EMFILE;
    default:
      return ECONNRESET;
  }
}

Socket open_raw(sp::Role role) {
  const Unsignalled unsignalled;  // for the threads that nng makes at its first call
  return Socket(role == sp::Role::req ? nng_req0_open_raw : nng_sub0_open_raw);
}

std::optional<sockaddr_storage> end_of(nng_pipe pipe, const char* option) {
  nng_sockaddr found{};
  sockaddr_storage address{};
  if (nng_pipe_get_addr(pipe, option, &found) != 0) return std::nullopt;
  if (found.s_family == NNG_AF_INET) {
    auto& in = reinterpret_cast<sockaddr_in&>(address);
    in.sin_family = AF_INET;
    in.sin_port = found.s_in.sa_port;
    in.sin_addr.s_addr = found.s_in.sa_addr;
  } else if (found.s_family == NNG_AF_INET6) {
    auto& in6 = reinterpret_cast<sockaddr_in6&>(address);
    in6.sin6_family = AF_INET6;
    in6.sin6_port = found.s_in6.sa_port;
    std::memcpy(&in6.sin6_addr, found.s_in6.sa_addr, sizeof in6.sin6_addr);
  } else {
    return std::nullopt;
  }
  return address;
}

}  // namespace

NngWire::NngWire(const std::string& url, sp::Role role, const Peers& peers,
                 const Credentials& credentials)
    : url_(url),
      peers_(peers),
      gives_token_(role == sp::Role::req && credentials.have_token()),
      changed_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!changed_) throw Error(Code::exhausted, "cannot make an event: no descriptors are left");
  socket_.emplace(open_raw(role));
  const nng_socket socket = socket_->get();
  check_nng(nng_socket_set_size(socket, NNG_OPT_RECVMAXSZ, kMostMessageBytes),
            "cannot bound messages");
  check_nng(nng_socket_set_int(socket, NNG_OPT_RECVBUF, kQueued), "cannot set the buffer");
  if (role == sp::Role::req)
    check_nng(nng_socket_set_int(socket, NNG_OPT_SENDBUF, kQueued), "cannot set the buffer");
  check_nng(nng_pipe_notify(socket, NNG_PIPE_EV_ADD_PRE, arrived, this), "cannot watch");
  check_nng(nng_pipe_notify(socket, NNG_PIPE_EV_ADD_POST, connected, this), "cannot watch");
  check_nng(nng_pipe_notify(socket, NNG_PIPE_EV_REM_POST, left, this), "cannot watch");
  check_nng(nng_dialer_create(&dialer_, socket, url.c_str()), "cannot dial " + url);
  check_nng(nng_aio_alloc(&aio_, came, this), "cannot allocate an operation");
  nng_aio_set_timeout(aio_, NNG_DURATION_INFINITE);
  nng_recv_aio(socket, aio_);  // never cancelled but by the end: nng #1523
  const Unsignalled unsignalled;
  dialing_ = std::thread([this] {
    if (const int result = nng_dialer_start(dialer_, 0)) end(error_of_nng(result));
  });
}

NngWire::~NngWire() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  nng_dialer_close(dialer_);  // ends the dial
  if (dialing_.joinable()) dialing_.join();
  socket_->close();
  if (aio_) nng_aio_free(aio_);
}

void NngWire::end(int failure) {
  const std::lock_guard lock(mutex_);
  if (failure_ == 0) failure_ = failure;
  eventfd_write(changed_.get(), 1);
}

// Before the pipe is the socket's: what was given to nng for one that is lost by now would go to
// the next, whoever that is.
void NngWire::arrived(nng_pipe pipe, nng_pipe_ev, void* argument) {
  if (!static_cast<NngWire*>(argument)->may_stay(pipe)) nng_pipe_close(pipe);
}

bool NngWire::may_stay(nng_pipe pipe) {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(met_, true)) return false;
  }
  if (!gives_token_) return true;
  auto objection =
      peers_.objection_to_token(end_of(pipe, NNG_OPT_REMADDR), end_of(pipe, NNG_OPT_LOCADDR), url_);
  if (!objection) return true;
  {
    const std::lock_guard lock(mutex_);
    distrust_ = std::move(objection);
  }
  end(EPERM);
  return false;
}

std::optional<std::string> NngWire::distrust() const {
  const std::lock_guard lock(mutex_);
  return distrust_;
}

void NngWire::connected(nng_pipe, nng_pipe_ev, void* argument) {
  auto& self = *static_cast<NngWire*>(argument);
  const std::lock_guard lock(self.mutex_);
  self.up_ = true;
  eventfd_write(self.changed_.get(), 1);
}

// This wire is over.  The dialer would dial again by itself, half of the time at once, whomever it
// met and whether or not somebody looks at us.
void NngWire::left(nng_pipe, nng_pipe_ev, void* argument) {
  auto& self = *static_cast<NngWire*>(argument);
  nng_dialer_close(self.dialer_);
  self.end(ECONNRESET);
}

void NngWire::came(void* argument) {
  auto& self = *static_cast<NngWire*>(argument);
  if (nng_aio_result(self.aio_) != 0) return;  // closed
  const Message message(nng_aio_get_msg(self.aio_));
  const std::lock_guard lock(self.mutex_);
  // What stands before the body: of a reply its backtrace.
  std::string text(static_cast<const char*>(nng_msg_header(message.get())),
                   nng_msg_header_len(message.get()));
  text += body(message.get());
  self.held_ += text.size();
  self.messages_.push_back(std::move(text));
  eventfd_write(self.changed_.get(), 1);
  self.paused_ = self.held_ >= kMostUnread || self.messages_.size() >= kQueued;
  if (self.paused_ || self.closing_) return;  // nng's own buffer takes the next ones
  // Within the lock, so that none begins once the socket is being closed: nng 1.10 leaves that one
  // on a queue that is gone, and freeing it is a panic.
  nng_recv_aio(self.socket_->get(), self.aio_);
}

int NngWire::receive(std::vector<std::string>& messages) {
  eventfd_t count = 0;
  eventfd_read(changed_.get(), &count);
  bool resume = false;
  int failure = 0;
  {
    const std::lock_guard lock(mutex_);
    for (auto& message : messages_) messages.push_back(std::move(message));
    messages_.clear();
    held_ = 0;
    resume = std::exchange(paused_, false);
    failure = failure_;
  }
  if (resume) nng_recv_aio(socket_->get(), aio_);
  return failure;
}

int NngWire::send(std::string_view word, std::string_view body) {
  nng_msg* made = nullptr;
  if (nng_msg_alloc(&made, body.size()) != 0) return ENOMEM;
  Message message(made);
  std::memcpy(nng_msg_body(made), body.data(), body.size());
  if (nng_msg_header_append(made, word.data(), word.size()) != 0) return ENOMEM;
  const int result = nng_sendmsg(socket_->get(), made, NNG_FLAG_NONBLOCK);
  if (result == 0) (void)message.release();
  return result == NNG_EAGAIN ? ENOBUFS : error_of_nng(result);
}

}  // namespace domed

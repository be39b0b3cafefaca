#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "client/secure_stream.h"

namespace domed {
namespace {

// Encrypted at a time: not much more than the system is about to take.
constexpr std::size_t kAtOnce = 64 << 10;

class TlsStream final : public SecureStream {
 public:
  explicit TlsStream(std::unique_ptr<tls::Session> session) : session_(std::move(session)) {}

  void begin(int socket) override;
  void receive(std::string_view cipher, std::string& plain) override;
  ssize_t send(std::string_view first, std::string_view second) override;
  int push() override;
  bool has_unsent() const override;
  tls::Session::State state() const override;
  tls::Fault fault() const override;

 private:
  int push_all();

  int socket_ = -1;
  mutable std::mutex mutex_;
  const std::unique_ptr<tls::Session> session_;
};

void TlsStream::begin(int socket) {
  socket_ = socket;
  push();
}

void TlsStream::receive(std::string_view cipher, std::string& plain) {
  const std::lock_guard lock(mutex_);
  session_->receive(cipher, plain);
  push_all();  // if that fails, the next read tells
}

ssize_t TlsStream::send(std::string_view first, std::string_view second) {
  const std::lock_guard lock(mutex_);
  ssize_t taken = 0;
  while (!first.empty() || !second.empty()) {
    if (const int failure = push_all()) {
      errno = failure;
      return taken > 0 ? taken : -1;
    }
    tls::Records records(*session_);
    std::size_t room = kAtOnce;
    for (std::string_view* part : {&first, &second}) {
      const std::string_view now = part->substr(0, room);
      records.add(now);
      part->remove_prefix(now.size());
      room -= now.size();
      taken += static_cast<ssize_t>(now.size());
    }
  }
  push_all();
  return taken;
}

int TlsStream::push() {
  const std::lock_guard lock(mutex_);
  return push_all();
}

int TlsStream::push_all() {
  while (!session_->outgoing().empty()) {
    const std::string_view bytes = session_->outgoing();
    const ssize_t size = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size >= 0)
      session_->sent(static_cast<std::size_t>(size));
    else if (errno != EINTR)
      return errno;
  }
  return 0;
}

bool TlsStream::has_unsent() const {
  const std::lock_guard lock(mutex_);
  return !session_->outgoing().empty();
}

tls::Session::State TlsStream::state() const {
  const std::lock_guard lock(mutex_);
  return session_->state();
}

tls::Fault TlsStream::fault() const {
  const std::lock_guard lock(mutex_);
  return session_->fault();
}

}  // namespace

std::unique_ptr<SecureStream> make_secure_stream(const tls::ClientFiles& files,
                                                 const std::string& host) {
  return std::make_unique<TlsStream>(tls::ClientContext(files).connect(host));
}

}  // namespace domed

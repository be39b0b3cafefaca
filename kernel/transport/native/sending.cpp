// How what a Connection has queued leaves it: at once as far as the system takes it, and with the
// loop's help then.
#include <utility>  // which Boost 1.74 forgets

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "transport/native/connection.h"

namespace domed::native {
namespace {

constexpr std::chrono::milliseconds kStopped{20};
constexpr std::size_t kMostPieces = 8192;  // of small frames that a subscriber may lag behind
constexpr std::size_t kPiecesAtOnce = 64;  // pieces of one write
// Encrypted at a time: it cannot be dropped any more, so it is not much beyond what a socket takes.
constexpr std::size_t kEncrypted = 64 << 10;

}  // namespace

void Connection::send(Piece piece) {
  std::ptrdiff_t more = 0;
  {
    const std::lock_guard lock(mutex_);
    if (closed_ || broken_) return;
    if (session_)
      if (auto why = tls_->expiry_of(*session_)) {
        refuse(std::move(*why));
        return break_off();
      }
    // It does not read at all: nobody should wait for it.
    if (counted_ && stuck_since_ + kStopped < Clock::now()) count(false);
    push(std::move(piece));
    more = change();
  }
  tell(more);
}

// With the lock held.
void Connection::push(Piece piece) {
  if (rules_.drops) make_room(piece.size());
  queued_ += piece.size();
  queue_.push_back(std::move(piece));
  if (!corked_ && !writing_) flush();
}

// With the lock held, and no more to come; at once or not at all.
void Connection::say_goodbye() {
  queue_.erase(queue_.begin() + (begun_ > 0 ? 1 : 0), queue_.end());
  queue_.push_back(Piece(farewell_));
  corked_ = false;
  flush();
}

// The newest are of most use: who lost what was before asks for pages up to them.
void Connection::make_room(std::size_t bytes) {
  if (queued_ + bytes <= rules_.most_queued && queue_.size() < kMostPieces) return;
  const std::size_t keep = begun_ > 0 ? 1 : 0;  // a message that is cut would end the stream
  while (queue_.size() > keep) {
    queued_ -= queue_.back().size();
    queue_.pop_back();
    ++dropped_;
  }
}

void Connection::cork() {
  const std::lock_guard lock(mutex_);
  corked_ = true;
}

void Connection::uncork() {
  std::ptrdiff_t less = 0;
  {
    const std::lock_guard lock(mutex_);
    corked_ = false;
    if (closed_ || writing_) return;
    flush();
    // A turn that ended meanwhile saw more in the queue than it may leave there.
    await_reading();
    less = change();
  }
  tell(less);
}

// With the lock held.  Writes until nothing is left or the system takes no more.
void Connection::flush() {
  while (has_unsent()) {
    const ssize_t size = write();
    if (size >= 0) {
      session_ ? session_->sent(static_cast<std::size_t>(size))
               : taken(static_cast<std::size_t>(size));
      if (stuck_since_ != Clock::time_point::max()) stuck_since_ = Clock::now();
    } else if (errno == EAGAIN) {
      return await_writing();
    } else if (errno != EINTR) {
      break_off();
    }
  }
  stuck_since_ = Clock::time_point::max();
}

// The turn that reads sees the end, and tells the owner.
void Connection::break_off() {
  ::shutdown(socket_.native_handle(), SHUT_RDWR);
  broken_ = true;
  queue_.clear();
  queued_ = begun_ = 0;
}

bool Connection::has_unsent() {
  if (broken_) return false;
  if (!session_) return !queue_.empty();
  if (session_->outgoing().empty()) encrypt();
  return !session_->outgoing().empty();
}

void Connection::encrypt() {
  tls::Records records(*session_);
  for (std::size_t room = kEncrypted; room > 0 && !queue_.empty();) {
    const Piece& piece = queue_.front();
    const std::size_t head = piece.head().size();
    const auto rest =
        begun_ < head ? piece.head().substr(begun_) : piece.body().substr(begun_ - head);
    const auto part = rest.substr(0, room);
    records.add(part);
    room -= part.size();
    taken(part.size());
  }
}

ssize_t Connection::write() {
  std::array<iovec, 2 * kPiecesAtOnce> parts;
  std::size_t count = 0, skip = begun_;
  const auto add = [&](std::string_view bytes) {
    const std::size_t skipped = std::min(skip, bytes.size());
    skip -= skipped;
    bytes.remove_prefix(skipped);
    if (!bytes.empty()) parts[count++] = {const_cast<char*>(bytes.data()), bytes.size()};
  };
  if (session_) {
    skip = 0;
    add(session_->outgoing());
  } else {
    for (std::size_t i = 0; i < std::min(queue_.size(), kPiecesAtOnce); ++i) {
      add(queue_[i].head());
      add(queue_[i].body());
    }
  }
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = count;
  return ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

// So many bytes of the queue are on their way.
void Connection::taken(std::size_t bytes) {
  queued_ -= bytes;
  begun_ += bytes;
  while (!queue_.empty() && begun_ >= queue_.front().size()) {
    begun_ -= queue_.front().size();
    queue_.pop_front();
  }
}

void Connection::await_writing() {
  if (stuck_since_ == Clock::time_point::max()) stuck_since_ = Clock::now();
  writing_ = true;
  count(true);
  socket_.async_wait(boost::asio::posix::stream_descriptor::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& failure) {
                       if (!failure) self->writable();
                     });
}

void Connection::count(bool waits) {
  if (!rules_.waiting || counted_ == waits) return;
  counted_ = waits;
  waits ? ++*rules_.waiting : --*rules_.waiting;
}

void Connection::writable() {
  bool waits = false;
  std::ptrdiff_t less = 0;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    writing_ = false;
    flush();
    if (!writing_) count(false);
    await_reading();
    waits = writing_;
    less = change();
  }
  tell(less);
  if (!waits) owner_.flushed(*this);
}

}  // namespace domed::native

#include <utility>  // which Boost 1.74 forgets

#include "transport/native/connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <iterator>

#include "system/address.h"
#include "transport/refusals.h"

namespace domed::native {
namespace {

constexpr std::size_t kRead = 64 << 10;
// Bytes unread, beyond which nothing large is answered.  One read may bring hundreds of requests
// for pages, all of which are under way before the first is seen to be left alone.
constexpr std::size_t kTooMuch = 16 << 20;
constexpr std::size_t kOfRequest = 512;  // bytes of one under way, beside its own
// Messages of one read that are handed over at a time.
constexpr std::size_t kAtATime = 4;
// Of what TLS itself has to say; whoever makes it say more is no honest peer.
constexpr std::size_t kMostUnasked = 256 << 10;

// Of the loop's thread, so that 10,000 idle peers need none.
char* read_buffer() {
  thread_local std::array<char, kRead> buffer;
  return buffer.data();
}

}  // namespace

Connection::Connection(std::shared_ptr<Loop> loop, Owner& owner, const Rules& rules, Fd socket,
                       std::uint32_t id, Door door, sp::Carrier carrier,
                       std::shared_ptr<Party> party, std::shared_ptr<const Caller> caller,
                       std::shared_ptr<const Access> access,
                       std::shared_ptr<const tls::ServerContext> tls,
                       std::shared_ptr<const ws::Offer> web)
    : loop_(std::move(loop)),
      owner_(owner),
      rules_(rules),
      id_(id),
      door_(door),
      carrier_(carrier),
      party_(std::move(party)),
      tls_(std::move(tls)),
      access_(std::move(access)),
      splitter_(carrier, rules.most_message),
      socket_(loop_->context(), socket.release()),
      session_(tls_ ? tls_->accept() : nullptr),
      caller_(std::move(caller)) {
  if (web) web_.emplace(std::move(web), rules.most_message);
}

void Connection::open() {
  const std::string hello = sp::hello(rules_.ours);
  const std::lock_guard lock(mutex_);
  // Into an empty socket: it takes eight bytes, or the peer is gone and reading tells.
  if (!session_ && !web_)
    static_cast<void>(
        ::send(socket_.native_handle(), hello.data(), hello.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
  await_reading();
}

// With the lock held, by everyone who changed what may_read() asks.
void Connection::await_reading() {
  if (closed_ || reading_ || !may_read()) return;
  reading_ = true;
  socket_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& failure) {
                       if (!failure) self->readable();
                     });
}

bool Connection::may_read() const {
  if (stopped_) return false;
  // What is said to subscribers is not their request: they are read to learn that they left.
  return rules_.drops || (open_ < rules_.most_open && open_bytes_ <= rules_.most_queued &&
                          queued_ <= rules_.most_queued && !is_at_bound());
}

// With the lock held.  It has something there that will go, or can be made to.
bool Connection::is_at_bound() const {
  return open_bytes_ + queued_ > Party::kFree &&
         party_->is_full(!caller_ || domed::is_stranger(*caller_));
}

// With the lock held: by how much it has more than its party knows of.  What is sent to subscribers
// is shared by all of them, and bounded by what they may lag.
std::ptrdiff_t Connection::change() {
  std::size_t now = unfinished_ + open_bytes_ + (rules_.drops ? 0 : queued_);
  if (now <= Party::kFree) now = 0;
  return static_cast<std::ptrdiff_t>(now) - static_cast<std::ptrdiff_t>(std::exchange(told_, now));
}

// Without the lock.
void Connection::tell(std::ptrdiff_t change) {
  if (change == 0) return;
  if (const auto leaves = party_->hold(shared_from_this(), change)) leaves->give_up();
}

// The next turn is begun before the owner is called: what came here may be a commit that takes its
// time, and what comes behind it may not need one.
void Connection::readable() {
  const Loop::Stint stint(*loop_, this);
  ssize_t size = 0;
  std::string_view bytes;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    if (stopped_) {
      reading_ = false;
      return;
    }
    size = ::recv(socket_.native_handle(), read_buffer(), kRead, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
      reading_ = false;
      return await_reading();
    }
    if (size > 0) bytes = {read_buffer(), static_cast<std::size_t>(size)};
    if (session_ && size > 0) {
      bytes = decrypt(bytes);
      over_ = session_->state() == tls::Session::State::ended;
      if (refusal_) size = -1;
    }
  }
  if (size <= 0) return close();
  const bool was_greeted = greeted_;
  std::vector<std::string> messages;
  const bool good = web_ ? take_web(bytes, messages) : take_stream(bytes, messages);
  // First of all: nobody may hear of a request, or of an end, before its connection.
  if (!was_greeted && greeted_) owner_.greeted(shared_from_this());
  if (!good) return close();
  std::ptrdiff_t more = 0;
  {
    const std::lock_guard lock(mutex_);
    open_ += messages.size();
    for (const std::string& message : messages) open_bytes_ += message.size() + kOfRequest;
    unfinished_ = closed_ ? 0 : coming_;
    more = change();
  }
  tell(more);
  hand_over(Turn(shared_from_this()), std::move(messages));
}

// Of what came with one read only some is handled before others have their turn, and the rest is
// read on when all of that is handed over: who says little does not wait for who says much.  What
// is answered at once leaves with one write, but not behind what others said meanwhile.
void Connection::hand_over(Turn turn, std::vector<std::string> messages) {
  std::vector<std::string> later;
  // None is left by itself, to be taken for one that came alone.
  if (messages.size() > kAtATime + 1) {
    const auto rest = messages.begin() + kAtATime;
    later.assign(std::make_move_iterator(rest), std::make_move_iterator(messages.end()));
    messages.erase(rest, messages.end());
  }
  bool over = false;
  if (later.empty()) {
    const std::lock_guard lock(mutex_);
    reading_ = false;
    over = over_;
    if (!over) await_reading();
  }
  const bool are_several = messages.size() > 1;
  if (are_several) cork();
  if (!messages.empty()) owner_.received(shared_from_this(), std::move(messages));
  if (are_several && (later.empty() || loop_->talking > 1)) uncork();
  if (over) return close();
  if (later.empty()) return;
  boost::asio::post(loop_->context(), [turn = std::move(turn), later = std::move(later)]() mutable {
    Connection& self = turn.connection();
    const Loop::Stint stint(*self.loop_, &self);
    self.hand_over(std::move(turn), std::move(later));
  });
}

// False: the peer is none that we go on with.
bool Connection::take_stream(std::string_view bytes, std::vector<std::string>& messages) {
  if (!greeted_ && !greet(bytes)) return false;
  if (bytes.empty()) return true;
  if (!rules_.may_talk || splitter_.take(bytes, messages) != sp::Splitter::Fault::none)
    return false;
  coming_ = messages.empty() ? coming_ + bytes.size() : 0;
  return true;
}

bool Connection::take_web(std::string_view bytes, std::vector<std::string>& messages) {
  using State = ws::Session::State;
  web_->receive(bytes, messages);
  const State state = web_->state();
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return false;
    if (std::string said = web_->take_outgoing(); !said.empty()) push(Piece(std::move(said)));
    if (state == State::refused) refuse(web_->fault());
    farewell_ = web_->farewell();
    if (!farewell_.empty()) set_greeted();
    over_ = over_ || state == State::over;
  }
  coming_ = web_->held();
  return state <= State::over && (rules_.may_talk || messages.empty());
}

// With the lock held.  What it returns is the thread's, until it is called again.
std::string_view Connection::decrypt(std::string_view cipher) {
  thread_local std::string plain;
  plain.clear();
  const bool was_up = session_->state() != tls::Session::State::handshaking;
  // Before what it asks for is read: nobody asks by a certificate whose time is over.
  if (auto why = tls_->expiry_of(*session_)) refuse(std::move(*why));
  session_->receive(cipher, plain);
  if (session_->state() == tls::Session::State::failed) refuse(session_->fault().words);
  if (!was_up && session_->state() == tls::Session::State::up) {
    // The files may be others since it began.
    if (auto why = tls_->objection_to(*session_)) refuse(std::move(*why));
    caller_ = access_->certificate(session_->peer_name());
    if (!caller_) refuse(kNoRole);
    if (!web_) session_->send(sp::hello(rules_.ours));
  }
  if (session_->outgoing().size() > kMostUnasked) refuse("it makes TLS talk without end");
  if (!writing_ && !session_->outgoing().empty()) flush();
  return plain;
}

void Connection::refuse(std::string why) {
  refusal_ = {std::move(why), peer_address(socket_.native_handle())};
}

// Takes what belongs to the hello; false: it is none that we talk to.
bool Connection::greet(std::string_view& bytes) {
  const std::size_t part = std::min(sp::kHelloBytes - hello_.size(), bytes.size());
  hello_.append(bytes.substr(0, part));
  bytes.remove_prefix(part);
  if (hello_ != sp::hello(rules_.theirs).substr(0, hello_.size())) return false;
  if (hello_.size() < sp::kHelloBytes) return true;
  const std::lock_guard lock(mutex_);
  set_greeted();
  return true;
}

// With the lock held.
void Connection::set_greeted() {
  if (!std::exchange(greeted_, true)) greeted_at_ = Clock::now();
}

void Connection::finished(std::size_t bytes) {
  std::ptrdiff_t less = 0;
  {
    const std::lock_guard lock(mutex_);
    --open_;
    open_bytes_ -= bytes + kOfRequest;
    less = change();
    await_reading();
  }
  tell(less);
}

void Connection::stop_reading() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
}

void Connection::close() {
  std::ptrdiff_t less = 0;
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(closed_, true)) return;
    if (!farewell_.empty() && !broken_ && !writing_) say_goodbye();
    if (session_) {
      session_->end();
      write();
    }
    // What the peer has yet to read must not be thrown away because of what we did not.
    if (carrier_ != sp::Carrier::ipc) {
      ::shutdown(socket_.native_handle(), SHUT_WR);
      while (::recv(socket_.native_handle(), read_buffer(), kRead, MSG_DONTWAIT) > 0) continue;
    }
    boost::system::error_code ignored;
    socket_.close(ignored);
    queue_.clear();
    queued_ = begun_ = unfinished_ = 0;
    stuck_since_ = Clock::time_point::max();
    count(false);
    less = change();
  }
  party_->hold(shared_from_this(), less);  // also that it is gone
  owner_.gone(*this);
}

// The turn that reads sees the end, and tells the owner.
void Connection::give_up() {
  std::ptrdiff_t less = 0;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) return;
    break_off();
    less = change();
    await_reading();
  }
  party_->hold(shared_from_this(), less);
}

bool Connection::is_greeted() const {
  const std::lock_guard lock(mutex_);
  return greeted_;
}

bool Connection::is_stranger() const {
  const auto whose = caller();
  return !whose || domed::is_stranger(*whose);
}

Connection::Clock::time_point Connection::owes_since() const {
  const bool stranger = is_stranger();
  const std::lock_guard lock(mutex_);
  if (!greeted_) return since_;
  return stranger ? greeted_at_ : Clock::time_point::max();
}

Connection::Clock::time_point Connection::stuck_since() const {
  const std::lock_guard lock(mutex_);
  return stuck_since_;
}

bool Connection::is_too_much() const {
  const std::lock_guard lock(mutex_);
  return queued_ > kTooMuch || (queued_ > Party::kFree && is_at_bound());
}

bool Connection::is_gone() const {
  const std::lock_guard lock(mutex_);
  return closed_ || broken_;
}

bool Connection::is_flushed() const {
  const std::lock_guard lock(mutex_);
  return queue_.empty() && (!session_ || session_->outgoing().empty());
}

std::string Connection::certificate_name() const {
  const std::lock_guard lock(mutex_);
  return session_ ? session_->peer_name() : "";
}

std::shared_ptr<const Caller> Connection::caller() const {
  const std::lock_guard lock(mutex_);
  return caller_;
}

std::optional<std::string> Connection::objection() {
  const std::lock_guard lock(mutex_);
  if (closed_) return std::nullopt;
  const bool was_known = caller_ && !domed::is_stranger(*caller_);
  if (const char* why = caller_ ? objection_to(*caller_) : nullptr) return why;
  // For that it has the time that others have, and what it waits for is answered meanwhile.
  if (was_known && domed::is_stranger(*caller_)) greeted_at_ = Clock::now();
  // One that has not shown yet who it is is asked when it has (decrypt()).
  if (!session_ || session_->state() == tls::Session::State::handshaking) return std::nullopt;
  return tls_->objection_to(*session_);
}

std::optional<std::string> Connection::expiry() const {
  const std::lock_guard lock(mutex_);
  return session_ && !closed_ ? tls_->expiry_of(*session_) : std::nullopt;
}

std::optional<Connection::Refusal> Connection::refusal() const {
  const std::lock_guard lock(mutex_);
  return refusal_;
}

std::uint64_t Connection::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

}  // namespace domed::native

#include "client/connection.h"

#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>

#include "base/unsignalled.h"
#include "domed/error.h"

namespace domed {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr milliseconds kFirstRedial{50}, kLastRedial{1000};
// From the first byte to the peer's greeting; and where there are other URLs to try.
constexpr milliseconds kHandshake{10'000}, kHandshakeOfMany{1000};
// Nobody read for so long: the keeper does.
constexpr long kAbsenceNs = 5'000'000;
// The longest sleep of a leader: with it a request that is given a time as usual need not wake it.
constexpr milliseconds kLookUp{5000};

timespec timespec_of(Connection::Clock::duration left) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  return {static_cast<time_t>(seconds.count()),
          static_cast<long>(std::chrono::nanoseconds(left - seconds).count())};
}

struct Wake {
  int event;
  void operator()() const { eventfd_write(event, 1); }
};

}  // namespace

Connection::Connection(std::vector<std::string> urls, sp::Role role, Credentials credentials)
    : credentials_(std::move(credentials)),
      urls_(std::move(urls)),
      role_(role),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      pause_(kFirstRedial) {
  if (urls_.empty()) throw Error(Code::invalid_argument, "there is no URL to connect to");
  if (!wake_) throw Error(Code::exhausted, "cannot make an event: no descriptors are left");
}

Connection::~Connection() = default;

std::string Connection::url() const {
  const std::lock_guard lock(mutex_);
  return urls_[at_];
}

std::optional<std::string> Connection::distrust() const {
  const std::lock_guard lock(mutex_);
  return distrust_;
}

std::vector<Connection::Failure> Connection::failures() const {
  const std::lock_guard lock(mutex_);
  return failures_;
}

int Connection::waiting() const {
  const std::lock_guard lock(mutex_);
  return users_;
}

bool Connection::await(Lock& lock, Clock::time_point until, const std::stop_token& stop,
                       const std::function<bool()>& over, Waiter** slot) {
  ++users_;
  while (!closing_ && !over() && !stop.stop_requested() && Clock::now() < until) {
    if (led_)
      follow(lock, until, stop, over, slot);
    else
      lead(lock, until, stop, over);
  }
  const bool done = over();
  if (!led_) hand_over();
  if (--users_ == 0 && closing_) left_.notify_all();
  return done;
}

void Connection::look(Lock& lock) {
  if (led_ || closing_) return;
  led_ = true;
  ++users_;
  work(lock, Clock::time_point::min());
  led_ = false;
  if (--users_ == 0 && closing_) left_.notify_all();
  hand_over();
}

void Connection::lead(Lock& lock, Clock::time_point until, const std::stop_token& stop,
                      const std::function<bool()>& over) {
  struct Leading {
    bool& led;
    explicit Leading(bool& flag) : led(flag) { led = true; }
    ~Leading() { led = false; }
  } const leading(led_);
  if (absent_) {
    const itimerspec never{};
    timerfd_settime(absence_.get(), 0, &never, nullptr);
    absent_ = false;
  }
  // It takes no lock: it may run here and now.
  std::optional<std::stop_callback<Wake>> waking;
  if (stop.stop_possible()) waking.emplace(stop, Wake{wake_.get()});
  while (!closing_ && !over() && !stop.stop_requested() && work(lock, until)) {
  }
}

void Connection::follow(Lock& lock, Clock::time_point until, const std::stop_token& stop,
                        const std::function<bool()>& over, Waiter** slot) {
  Waiter self;
  waiters_.push_back(&self);
  if (slot) *slot = &self;
  if (kept_) wake_leader();  // the keeper makes room
  self.changed_.wait_until(lock, stop, until, [&] { return closing_ || !led_ || over(); });
  if (slot) *slot = nullptr;
  waiters_.erase(std::find(waiters_.begin(), waiters_.end(), &self));
}

// The newest: its thread is the warmest.  One that has what it waits for hands over in turn.
void Connection::hand_over() {
  if (!waiters_.empty())
    waiters_.back()->wake();
  else if (keeper_.joinable() && is_wanted())
    be_absent();
}

void Connection::wake_leader() {
  if (!led_) return;
  woken_ = true;
  eventfd_write(wake_.get(), 1);
}

void Connection::wake_all() {
  for (Waiter* waiter : waiters_) waiter->wake();
}

void Connection::look_again() {
  if (due() < sleeps_until_) wake_leader();
}

void Connection::try_now() {
  try_at_ = {};
  wake_leader();
}

void Connection::drop(int failure) {
  drop_ = failure;
  wake_leader();
}

int Connection::send(std::string_view word, std::string_view body) {
  const int result = wire_->send(word, body);
  // What is left, or went wrong, is the leader's.
  if (led_ && (result != 0 || (wire_->has_unsent() && !woken_))) wake_leader();
  return result;
}

// One round of the leader; false: "until" has come.
bool Connection::work(Lock& lock, Clock::time_point until) {
  auto now = Clock::now();
  if (!wire_ && now >= try_at_) begin_attempt(lock, now);
  auto wake = std::min({until, due(), now + kLookUp});
  if (!wire_) wake = std::min(wake, try_at_);
  if (wire_ && !up_) wake = std::min(wake, attempt_ends_);
  sleeps_until_ = wake;
  pollfd events[2] = {{wake_.get(), POLLIN, 0}, {-1, 0, 0}};
  if (wire_) events[1] = wire_->interest();
  const bool failed = wire_ && events[1].fd < 0;  // before there was anything to wait for
  const bool at_once = failed || drop_ != 0 || wake <= now;
  const auto time = timespec_of(at_once ? Clock::duration::zero() : wake - now);
  Wire* const wire = wire_.get();
  lock.unlock();
  std::vector<std::string> messages;
  int failure = 0;
  ppoll(events, 2, &time, nullptr);
  if (events[0].revents != 0) {
    eventfd_t count = 0;
    eventfd_read(wake_.get(), &count);
  }
  if (wire && (failed || events[0].revents != 0 || (events[1].revents & ~POLLOUT) != 0 ||
               (!up_ && events[1].revents != 0)))
    failure = wire->receive(messages);
  lock.lock();
  woken_ = false;
  now = Clock::now();
  if (wire_ && !up_ && wire_->is_up()) {
    up_ = ever_up_ = true;
    distrust_.reset();
    connected();
    wake_all();
  }
  if (up_ && wire_->has_unsent()) wire_->flush();
  if (!messages.empty()) {
    pause_ = kFirstRedial;
    heard_at_ = now;
    if (!received(messages)) failure = EPROTO;
  }
  if (failure == 0) failure = std::exchange(drop_, 0);
  if (failure == 0 && wire_ && !up_ && now >= attempt_ends_) failure = ETIMEDOUT;
  if (wire_ && failure != 0) ended(lock, failure, now);
  if (due() <= now) do_due(now);
  tell(lock);
  return now < until;
}

void Connection::begin_attempt(Lock& lock, Clock::time_point now) {
  attempt_ends_ = now + (urls_.size() > 1 ? kHandshakeOfMany : kHandshake);
  int failure = url_error(urls_[at_]);
  if (failure == 0) try {
      wire_ = make_wire(urls_[at_], role_, peers_, credentials_);
      return;
    } catch (const Error&) {
      failure = EADDRNOTAVAIL;
    }
  ended(lock, failure, now);
}

// The wire could not be made, or is lost.
void Connection::ended(Lock& lock, int failure, Clock::time_point now) {
  drop_ = 0;
  auto wire = std::exchange(wire_, nullptr);
  const bool was_up = std::exchange(up_, false);
  const bool last = at_ + 1 == urls_.size();
  if (was_up) {
    // One that only fell silent, or cannot do what it is asked, would be the first to greet us
    // again.
    at_ = (failure == ETIMEDOUT || failure == kLeft) && !last ? at_ + 1 : 0;
    lost(failure);
  } else {
    if (wire && wire->distrust()) found_ = wire->distrust();
    failing_.push_back({urls_[at_], failure});
    at_ = last ? 0 : at_ + 1;
    if (last) {
      ++rounds_;
      failures_ = std::exchange(failing_, {});
      distrust_ = std::exchange(found_, std::nullopt);
    }
  }
  if (was_up || last) {
    try_at_ = now + pause_;
    pause_ = std::min(pause_ * 2, kLastRedial);
  }
  wake_all();
  if (!wire) return;
  lock.unlock();
  wire.reset();  // nng takes its time
  lock.lock();
}

void Connection::keep() {
  if (keeper_.joinable()) return;
  absence_ = Fd(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
  if (!absence_) throw Error(Code::exhausted, "cannot make a timer: no descriptors are left");
  const Unsignalled unsignalled;
  keeper_ = std::jthread([this](const std::stop_token& stop) { run_keeper(stop); });
}

void Connection::leave_to_keeper() {
  if (!led_) hand_over();
}

void Connection::be_absent() {
  if (absent_ || closing_) return;
  const itimerspec soon{{0, 0}, {0, kAbsenceNs}};
  timerfd_settime(absence_.get(), 0, &soon, nullptr);
  absent_ = true;
}

// Leads while nobody else would.
void Connection::run_keeper(const std::stop_token& stop) {
  Lock lock(mutex_);
  while (!closing_) {
    absent_ = false;
    if (!led_ && waiters_.empty() && is_wanted()) {
      kept_ = true;
      await(lock, Clock::time_point::max(), stop,
            [this] { return !waiters_.empty() || !is_wanted(); });
      kept_ = false;
    }
    lock.unlock();
    std::uint64_t count = 0;
    if (read(absence_.get(), &count, sizeof count) < 0 && errno != EINTR) return;
    lock.lock();
  }
}

void Connection::close() {
  Lock lock(mutex_);
  closing_ = true;
  wake_leader();
  wake_all();
  if (absence_) {
    const itimerspec now{{0, 0}, {0, 1}};
    timerfd_settime(absence_.get(), 0, &now, nullptr);
  }
  left_.wait(lock, [this] { return users_ == 0; });
  lock.unlock();
  if (keeper_.joinable()) keeper_.join();
  wire_.reset();
}

}  // namespace domed

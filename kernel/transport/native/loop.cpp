#include <utility>  // which Boost 1.74 forgets

#include "transport/native/loop.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

#include "base/unsignalled.h"

namespace domed::native {
namespace {

// How long others wait for a stint: most commits take less, and a thread that looks more often is
// felt by those.
constexpr std::chrono::milliseconds kLong{2};
constexpr int kIdleLooks = 50;  // after so many that saw nothing new nobody looks any more
constexpr int kSome = 64;       // taken before it looks again whether several speak

}  // namespace

Loop::Loop(bool is_relieved)
    : context_(is_relieved ? 2 : 1), busy_(context_.get_executor()), is_relieved_(is_relieved) {
  const Unsignalled unsignalled;
  first_ = std::thread([this] { guarded([this] { context_.run(); }); });
  if (is_relieved_) second_ = std::thread([this] { relieve(); });
}

template <class Run>
void Loop::guarded(Run run) {
  for (;;) try {
      return run();
    } catch (const std::exception& e) {  // costs what threw, and not the daemon
      spdlog::error("the transport met what it does not know: {}", e.what());
    }
}

bool Loop::is_in_stint(std::uint64_t stint) const {
  return stint % 2 == 1 && stints_ == stint;
}

// The second thread: asleep where nothing happens.
void Loop::relieve() {
  std::unique_lock lock(mutex_);
  std::uint64_t seen = 0;
  for (int idle = 0; !over_;) {
    if (idle == kIdleLooks) {
      is_watched_ = false;
      // Nobody tells of a stint that began before that.
      if (stints_ == seen) changed_.wait(lock, [this] { return is_watched_ || over_; });
      is_watched_ = true;
    }
    changed_.wait_for(lock, kLong, [this] { return over_; });
    const std::uint64_t now = stints_;
    idle = now == seen && !is_in_stint(now) ? idle + 1 : 0;
    lock.unlock();
    now == std::exchange(seen, now) ? stand_in(now) : take_some();
    lock.lock();
  }
}

void Loop::stand_in(std::uint64_t stint) {
  guarded([&] {
    while (is_in_stint(stint) && !context_.stopped()) context_.run_one_for(kLong);
  });
}

void Loop::take_some() {
  guarded([&] {
    for (bool any = true; any && several_speak_.exchange(false);)
      for (int i = 0; i < kSome && any; ++i) any = context_.poll_one() > 0;
  });
}

void Loop::join() {
  busy_.reset();
  if (first_.joinable()) first_.join();
  {
    const std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  if (second_.joinable()) second_.join();
}

Loop::Stint::Stint(Loop& loop, const void* whom) {
  if (!loop.is_relieved_) return;
  if (loop.speaks_ != whom) {
    loop.speaks_ = whom;
    loop.several_speak_ = true;
  }
  if (std::this_thread::get_id() != loop.first_.get_id()) return;
  loop_ = &loop;
  ++loop.stints_;
  if (loop.is_watched_) return;
  {
    const std::lock_guard lock(loop.mutex_);
    loop.is_watched_ = true;
  }
  loop.changed_.notify_one();
}

Loop::Stint::~Stint() {
  if (loop_) ++loop_->stints_;
}

}  // namespace domed::native

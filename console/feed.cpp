#include "console/feed.h"

#include <algorithm>
#include <atomic>

#include "base/unsignalled.h"
#include "client/follower.h"

namespace domed::console {
namespace {

// What one look gives: more than a browser shows at once.
constexpr std::size_t kGiven = 256 << 10;
// Some seconds of a job that writes as fast as it can; and of all feeds together, which share it.
constexpr std::size_t kKept = 8 << 20, kKeptOfAll = 64 << 20;

std::atomic<std::size_t> feeds_now{0};

std::size_t kept_of_one() {
  return std::clamp(kKeptOfAll / std::max<std::size_t>(feeds_now, 1), kGiven, kKept);
}

// In memory.
std::size_t cost(const std::string& line) {
  return sizeof line + line.capacity();
}

}  // namespace

Feed::Feed(Client& client, const std::string& job_id, std::uint64_t since)
    : client_(client), job_id_(job_id), last_(since) {
  ++feeds_now;
  const Unsignalled unsignalled;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Feed::~Feed() {
  thread_.request_stop();
  --feeds_now;
}

void Feed::stop() {
  thread_.request_stop();
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

void Feed::run(const std::stop_token& stop) {
  FollowOptions options;
  options.job_id = job_id_;
  options.since_seq = last_;
  options.await_daemon = true;
  options.stop = stop;
  options.on_connection = [this](bool alive) {
    const std::lock_guard lock(mutex_);
    connected_ = alive;
    changed_.notify_all();
  };
  Follower follower(client_, options);
  std::optional<ApiError> error;
  try {
    follower.run([&](std::string_view line, std::uint64_t seq) {
      if (log_id_.empty()) {
        const std::lock_guard lock(mutex_);
        log_id_ = follower.log_id();
      }
      take(line, seq);
    });
  } catch (const ApiError& e) {
    error = e;
  } catch (const std::exception& e) {
    error = ApiError("E_CONSOLE", e.what());
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  error_ = std::move(error);
  changed_.notify_all();
}

void Feed::take(std::string_view line, std::uint64_t seq) {
  const std::lock_guard lock(mutex_);
  lines_.emplace_back(line);
  last_ = seq;
  bytes_ += cost(lines_.back());
  for (const std::size_t kept = kept_of_one(); bytes_ > kept && lines_.size() > 1;
       lines_.pop_front())
    bytes_ -= cost(lines_.front());
  changed_.notify_all();
}

bool Feed::has_news(std::uint64_t cursor, bool connected) const {
  return stopped_ || ended_ || cursor < last_ || connected != connected_;
}

Feed::Look Feed::look(std::uint64_t cursor, bool connected,
                      std::chrono::steady_clock::time_point until) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, until, [&] { return has_news(cursor, connected); });
  Look out;
  out.log_id = log_id_;
  out.connected = connected_;
  out.closed = stopped_;
  out.last = cursor;
  const std::uint64_t before = last_ - lines_.size();  // the seq before the first that is kept
  out.behind = cursor < before;
  std::size_t bytes = 0;
  for (std::uint64_t at = cursor; at >= before && at < last_ && bytes < kGiven; ++at) {
    out.lines.push_back(lines_[at - before]);
    bytes += out.lines.back().size();
    out.last = at + 1;
  }
  if (!out.behind && out.last >= last_) {
    out.ended = ended_ && !stopped_;
    out.error = error_;
  }
  return out;
}

}  // namespace domed::console

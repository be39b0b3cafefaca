#include "follow/publisher.h"

#include "base/units.h"
#include "protocol/event.h"
#include "protocol/limits.h"

namespace domed {
namespace {

using namespace std::chrono_literals;

// Lines that wait to be sent; where it would be more, heads alone are queued.
constexpr std::size_t kUnsentBytes = 32u << 20;
constexpr std::size_t kSmall = 16u << 10, kFew = 4;  // what the committing thread sends itself
constexpr std::chrono::milliseconds kFirstBeat = 250ms, kLongestBeat = 10s;
// `Tail`: who lost the last frame ends within 3 s. So the last word on a job that is over comes 1 s
// after its end, and there are two before it.
constexpr std::chrono::milliseconds kLastBeatOfTerminal = 1s;
constexpr auto kLastWords = 1s;

}  // namespace

std::size_t shard_of(const std::string& job_id, std::size_t shards) {
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a: the same in every build
  for (const char c : job_id) hash = (hash ^ static_cast<std::uint8_t>(c)) * 1099511628211u;
  return hash % shards;
}

Publisher::Publisher(std::string epoch, std::size_t shards, Environment& environment, Send send,
                     Subscribers subscribers)
    : epoch_(std::move(epoch)),
      shards_(shards),
      environment_(environment),
      send_(std::move(send)),
      subscribers_(std::move(subscribers)) {
  thread_ = std::thread([this] { work(); });
}

void Publisher::add(Commit commit) {
  const std::size_t subscribers = subscribers_(shard_of(commit.job_id, shards_));
  const std::size_t bytes = commit.lines ? commit.lines->size() : 0;
  if (subscribers == 0) commit.lines = nullptr;
  // Sent here it is queued all the same, without its lines: its heartbeats are the thread's.
  if (commit.lines && subscribers <= kFew && bytes <= kSmall && is_idle() && send_now(commit))
    commit.lines = nullptr;
  const auto now = Clock::now();
  std::lock_guard lock(mutex_);
  // The head is never dropped: the heartbeat tells followers what they missed.
  if (queued_bytes_ + bytes > kUnsentBytes) commit.lines = nullptr;
  queued_bytes_ += commit.lines ? bytes : 0;
  const bool late = subscribers > 0 && now + kFirstBeat < wakes_at_;
  if (commit.lines || late) wake_.notify_one();  // else the thread comes in time
  queue_.push_back({std::move(commit), now});
}

// False: not sent, which must not hold up who commits.
bool Publisher::send_now(const Commit& commit) try {
  send_frame(commit, commit.first, commit.head, *commit.lines);
  return true;
} catch (const std::exception&) {
  return false;
}

// Nothing that came before is still to be sent.
bool Publisher::is_idle() {
  std::lock_guard lock(mutex_);
  return queued_bytes_ == 0 && !publishing_ && !stopping_;
}

void Publisher::stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    give_up_ = Clock::now() + kLastWords;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Publisher::work() {
  for (;;) {
    std::deque<Queued> commits;
    {
      std::unique_lock lock(mutex_);
      publishing_ = false;
      const auto until = due_.empty() ? next_pulse_ : std::min(next_pulse_, due_.begin()->first);
      wakes_at_ = until;
      wake_.wait_until(lock, until, [this] { return stopping_ || !queue_.empty(); });
      wakes_at_ = Clock::time_point::min();
      commits.swap(queue_);
      publishing_ = true;
      queued_bytes_ = 0;
      if (stopping_ && commits.empty()) return;
    }
    for (const auto& queued : commits) publish(queued);
    keep_time();
  }
}

void Publisher::publish(const Queued& queued) {
  send_lines(queued.commit);
  // A beat is for who missed the lines, so it is counted from when they left.
  const auto sent = queued.commit.lines ? Clock::now() : queued.time;
  Commit head = queued.commit;
  head.lines = nullptr;
  schedule(queued.commit.job_id, {std::move(head), sent + kFirstBeat, kFirstBeat});
}

// Also in the midst of a long backlog: without its pulse the daemon is taken for dead.
void Publisher::keep_time() {
  const auto now = Clock::now();
  send_heartbeats(now);
  if (now < next_pulse_) return;
  send_daemon();
  next_pulse_ = now + 1s;
}

// Frames may be lost at any time; an end of the daemon that waits for slow subscribers may not be.
bool Publisher::given_up() {
  std::lock_guard lock(mutex_);
  return Clock::now() >= give_up_;
}

void Publisher::send_lines(const Commit& commit) {
  if (!commit.lines || commit.lines->empty()) return;
  std::string_view rest = *commit.lines;
  std::uint64_t first = commit.first;
  while (!rest.empty() && !given_up()) {
    std::size_t size = 0;
    std::uint64_t count = 0;
    while (size < rest.size()) {
      const std::size_t line = rest.find('\n', size) + 1 - size;
      if (count > 0 && size + line > limits::kFrameBytes) break;
      size += line, ++count;
    }
    send_frame(commit, first, first + count - 1, rest.substr(0, size));
    rest.remove_prefix(size);
    first += count;
    keep_time();
  }
}

void Publisher::send_frame(const Commit& commit, std::uint64_t first, std::uint64_t head,
                           std::string_view lines) {
  // By hand, for it may be a commit that waits for this: what stands in the JSON is hex, numbers
  // and words of our own, and none of it needs escaping.
  std::string message = "job/" + commit.job_id + "\n{\"log_id\":\"" + commit.log_id +
                        "\",\"first\":" + std::to_string(first) +
                        ",\"head\":" + std::to_string(head) + ",\"state\":\"" +
                        std::string(state_name(commit.state)) + "\",\"epoch\":\"" + epoch_ +
                        "\"}\n";
  message += lines;
  send_(shard_of(commit.job_id, shards_), std::move(message));
}

void Publisher::send_heartbeats(Clock::time_point now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const std::string job_id = due_.begin()->second;
    Beat beat = beats_.at(job_id);
    // `NeverHangs`: no lines, and a first above the head. It only says how far the log goes.
    send_frame(beat.head, beat.head.head + 1, beat.head.head, {});
    if (is_terminal(beat.head.state) && beat.wait >= kLastBeatOfTerminal) {
      due_.erase(due_.begin());
      beats_.erase(job_id);
      continue;
    }
    // 0.25, 0.5 and 1 s after the commit, not after each other.
    const auto gap =
        beat.wait < kLastBeatOfTerminal ? beat.wait : std::min(beat.wait * 2, kLongestBeat);
    beat.wait = std::min(beat.wait * 2, kLongestBeat);
    beat.due = now + gap;
    schedule(job_id, std::move(beat));
  }
}

void Publisher::schedule(const std::string& job_id, Beat beat) {
  const auto old = beats_.find(job_id);
  if (old != beats_.end()) {
    const auto [begin, end] = due_.equal_range(old->second.due);
    for (auto it = begin; it != end; ++it) {
      if (it->second != job_id) continue;
      due_.erase(it);
      break;
    }
  }
  due_.emplace(beat.due, job_id);
  beats_[job_id] = std::move(beat);
}

void Publisher::send_daemon() {
  const std::string message = std::string(kDaemonTopic) + "{\"epoch\":\"" + epoch_ +
                              "\",\"time\":\"" + format_time(environment_.now()) + "\"}\n";
  for (std::size_t shard = 0; shard < shards_; ++shard) send_(shard, message);
}

}  // namespace domed

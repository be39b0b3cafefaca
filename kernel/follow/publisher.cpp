#include "follow/publisher.h"

#include <algorithm>

#include "base/units.h"
#include "protocol/event.h"
#include "protocol/limits.h"

namespace domed {
namespace {

using namespace std::chrono_literals;

// Lines that wait to be sent; where it would be more, heads alone are kept.
constexpr std::size_t kUnsentBytes = 32u << 20;
constexpr std::size_t kSmall = 16u << 10, kFew = 4;  // what the committing thread sends itself
constexpr std::size_t kBeatsAtOnce = 64;             // before lines have their turn again
constexpr std::chrono::milliseconds kFirstBeat = 250ms, kLongestBeat = 10s;
constexpr std::chrono::milliseconds kLate = 20ms;  // a beat may be, so that many share a wake
// `Tail`: who lost the last frame ends within 3 s. So the last word on a job that is over comes 1 s
// after its end, and there are two before it.
constexpr std::chrono::milliseconds kLastBeatOfTerminal = 1s;
constexpr auto kLastWords = 1s;
// How long lines of a saturated shard wait for more of their job, and how often is asked whether it
// still is.
constexpr std::chrono::microseconds kGather = 1ms, kAskAgain = 200us;

// Takes off "piece" as many of its lines as a frame may have; some are left.
template <class Piece>
Piece cut_off(Piece& piece) {
  std::size_t size = 0;
  std::uint64_t count = 0;
  while (true) {
    const std::size_t end = piece.lines.find('\n', size) + 1;
    if (count > 0 && end > limits::kFrameBytes) break;
    size = end, ++count;
  }
  Piece out = piece;
  out.lines = piece.lines.substr(0, size);
  out.head = piece.first + count - 1;
  piece.lines.remove_prefix(size);
  piece.first += count;
  return out;
}

}  // namespace

std::size_t shard_of(const std::string& job_id, std::size_t shards) {
  std::uint64_t hash = 14695981039346656037u;  // FNV-1a: the same in every build
  for (const char c : job_id) hash = (hash ^ static_cast<std::uint8_t>(c)) * 1099511628211u;
  return hash % shards;
}

Publisher::Publisher(std::string epoch, std::size_t shards, Environment& environment, Send send,
                     Subscribers subscribers, Saturated saturated)
    : shards_(shards),
      environment_(environment),
      send_(std::move(send)),
      subscribers_(std::move(subscribers)),
      saturated_(std::move(saturated)),
      epoch_(std::move(epoch)),
      waiting_(shards) {
  thread_ = std::thread([this] { work(); });
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

void Publisher::add(const Commit& commit) {
  const std::size_t shard = shard_of(commit.job_id, shards_);
  const std::size_t subscribers = subscribers_(shard);
  const std::size_t bytes = commit.lines && subscribers > 0 ? commit.lines->size() : 0;
  const bool few = bytes > 0 && bytes <= kSmall && subscribers <= kFew && !saturated_(shard);
  const auto now = Clock::now();
  std::unique_lock lock(mutex_);
  Job& job = job_of(commit);
  expect_beat(job, now + kFirstBeat);
  // Where nobody hears it a heartbeat may come late, and the thread is not woken for it.
  if (subscribers > 0 && job.timer < wakes_at_) wake_.notify_one();
  if (bytes == 0) return;
  Piece piece{job.name, commit.lines, *commit.lines, commit.first, commit.head, commit.state, now};
  if (few && waiting_bytes_ == 0 && !sending_ && !stopping_) {
    // Without the mutex nothing of the job can come in between: commits come one after the other,
    // and its heartbeat has just been put off.
    lock.unlock();
    if (send({{piece}, bytes})) return;
    lock.lock();
  }
  enqueue(job_of(commit), std::move(piece), now);
}

void Publisher::tell(const Commit& head) {
  Taken beat;
  {
    const std::lock_guard lock(mutex_);
    Job& job = job_of(head);
    expect_beat(job, Clock::now() + kFirstBeat);
    beat.pieces.push_back({job.name, nullptr, {}, job.head + 1, job.head, job.state});
  }
  send(beat);
}

void Publisher::beat_again() {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  for (auto& [id, job] : jobs_)
    if (job.beats) expect_beat(job, now);
  wake_.notify_one();
}

// Of what somebody else has committed may be told late: a head is never taken back.
Publisher::Job& Publisher::job_of(const Commit& commit) {
  const auto [it, is_new] = jobs_.try_emplace(commit.job_id);
  Job& job = it->second;
  if (is_new) job.id = &it->first;
  const bool is_other = is_new || job.name->log_id != commit.log_id;
  if (!is_other && commit.head < job.head) return job;
  if (is_other)
    job.name = std::make_shared<const Name>(
        Name{shard_of(commit.job_id, shards_), commit.log_id,
             "job/" + commit.job_id + "\n{\"log_id\":\"" + commit.log_id + "\",\"first\":"});
  job.head = commit.head;
  job.state = commit.state;
  return job;
}

void Publisher::enqueue(Job& job, Piece piece, Clock::time_point now) {
  const std::size_t bytes = piece.lines.size();
  if (waiting_bytes_ + bytes > kUnsentBytes) return;
  auto& waiting = waiting_[piece.name->shard];
  // Where others wait already the thread is awake, or knows when it looks again.
  if (waiting.empty() && wakes_at_ != Clock::time_point::min()) wake_.notify_one();
  if (job.unsent.empty()) {
    job.since = now;
    waiting.push_back(&job);
  }
  job.unsent.push_back(std::move(piece));
  waiting_bytes_ += bytes;
}

void Publisher::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    // Also in the midst of a long backlog: without its pulse the daemon is taken for dead.
    keep_time(lock);
    if (send_a_frame(lock)) continue;
    if (stopping_) return;
    sleep(lock);
  }
}

bool Publisher::is_heard() const {
  for (std::size_t shard = 0; shard < shards_; ++shard)
    if (subscribers_(shard) > 0) return true;
  return false;
}

// Until the next thing is due, or add() has some.
void Publisher::sleep(std::unique_lock<std::mutex>& lock) {
  const auto now = Clock::now();
  auto until = next_pulse_;
  if (!timers_.empty() && is_heard()) until = std::min(until, timers_.top().first + kLate);
  if (waiting_bytes_ > 0) until = std::min(until, now + kAskAgain);
  if (until <= now) return;
  wakes_at_ = until;
  wake_.wait_until(lock, until);
  wakes_at_ = Clock::time_point::min();
}

// False: there is none that may leave now.  Frames may be lost at any time; an end of the daemon
// that waits for slow subscribers may not be.
bool Publisher::send_a_frame(std::unique_lock<std::mutex>& lock) {
  const auto now = Clock::now();
  if (waiting_bytes_ == 0 || now >= give_up_) return false;
  for (std::size_t i = 0; i < shards_; ++i) {
    const std::size_t shard = (next_shard_ + i) % shards_;
    auto& waiting = waiting_[shard];
    if (waiting.empty()) continue;
    Job& job = *waiting.front();
    if (!stopping_ && now < job.since + kGather) {
      // Not with the mutex, for it may ask many subscribers.  The job stays the first: only this
      // thread takes one away.
      lock.unlock();
      const bool saturated = saturated_(shard);
      lock.lock();
      if (saturated) continue;
    }
    next_shard_ = shard + 1;
    waiting.pop_front();
    const Taken taken = take(job);
    if (!job.unsent.empty()) waiting.push_back(&job);
    // A beat is for who missed the lines, so it is counted from when they left.
    expect_beat(job, now + kFirstBeat);
    sending_ = true;
    lock.unlock();
    send(taken);
    lock.lock();
    sending_ = false;
    return true;
  }
  return false;
}

// What follows each other in the job's log, as far as it fits.
Publisher::Taken Publisher::take(Job& job) {
  Taken taken;
  while (!job.unsent.empty()) {
    Piece& next = job.unsent.front();
    const std::size_t bytes = next.lines.size();
    if (taken.pieces.empty() && bytes > limits::kFrameBytes) {
      taken.pieces.push_back(cut_off(next));
      taken.bytes = taken.pieces.back().lines.size();
      break;
    }
    const bool follows = taken.pieces.empty() || (taken.pieces.back().name == next.name &&
                                                  taken.pieces.back().head + 1 == next.first);
    if (!follows || taken.bytes + bytes > limits::kFrameBytes) break;
    taken.bytes += bytes;
    taken.pieces.push_back(std::move(next));
    job.unsent.pop_front();
  }
  waiting_bytes_ -= taken.bytes;
  return taken;
}

// Beats are few at a time, so that lines have their turn in between.
void Publisher::keep_time(std::unique_lock<std::mutex>& lock) {
  const auto now = Clock::now();
  std::vector<Taken> beats;
  while (!timers_.empty() && timers_.top().first <= now && beats.size() < kBeatsAtOnce) {
    const auto [time, timer_of] = timers_.top();
    Job& job = *timer_of;
    timers_.pop();
    --job.timers;
    if (time == job.timer) {
      job.timer = Clock::time_point::max();
      // `NeverHangs`: no lines, and a first above the head. It only says how far the log goes.
      if (is_beat_due(job, now))
        beats.push_back({{{job.name, nullptr, {}, job.head + 1, job.head, job.state}}, 0});
      if (job.beats) set_timer(job);
    }
    if (!job.beats && job.timers == 0) jobs_.erase(jobs_.find(*job.id));
  }
  const bool pulse = now >= next_pulse_;
  if (pulse) next_pulse_ = now + 1s;
  if (beats.empty() && !pulse) return;
  lock.unlock();
  for (const Taken& beat : beats) send(beat);
  if (pulse) send_daemon();
  lock.lock();
}

// And plans the next one.
bool Publisher::is_beat_due(Job& job, Clock::time_point now) {
  if (!job.unsent.empty()) job.due = now + kFirstBeat;  // lines say more
  if (now < job.due) return false;
  job.beats = !(is_terminal(job.state) && job.wait >= kLastBeatOfTerminal);
  // 0.25, 0.5 and 1 s after the commit, not after each other.
  const auto next = std::min(job.wait * 2, kLongestBeat);
  job.due = now + (job.wait < kLastBeatOfTerminal ? job.wait : next);
  job.wait = next;
  return true;
}

void Publisher::expect_beat(Job& job, Clock::time_point due) {
  job.beats = true;
  job.due = due;
  job.wait = kFirstBeat;
  if (due < job.timer) set_timer(job);
}

void Publisher::set_timer(Job& job) {
  job.timer = job.due;
  timers_.push({job.due, &job});
  ++job.timers;
}

// False: not sent, which must hold up neither who commits nor what comes next.
bool Publisher::send(const Taken& taken) noexcept try {
  const Piece &first = taken.pieces.front(), &last = taken.pieces.back();
  const std::size_t shard = first.name->shard;
  if (subscribers_(shard) == 0) return true;
  // By hand, for it may be a commit that waits for this: what stands in the JSON is hex, numbers
  // and words of our own, and none of it needs escaping.
  std::string frame;
  frame.reserve(first.name->begin.size() + epoch_.size() + 96 + taken.bytes);
  frame += first.name->begin;
  frame += std::to_string(first.first);
  frame += ",\"head\":";
  frame += std::to_string(last.head);
  frame += ",\"state\":\"";
  frame += state_name(last.state);
  frame += "\",\"epoch\":\"";
  frame += epoch_;
  frame += "\"}\n";
  for (const Piece& piece : taken.pieces) frame += piece.lines;
  send_(shard, std::make_shared<const std::string>(std::move(frame)));
  if (taken.bytes > 0) delivered_(Clock::now() - first.since);
  return true;
} catch (const std::exception&) {
  return false;
}

void Publisher::send_daemon() noexcept try {
  const auto frame = std::make_shared<const std::string>(
      std::string(kDaemonTopic) + "{\"epoch\":\"" + epoch_ + "\",\"time\":\"" +
      format_time(environment_.now()) + "\"}\n");
  for (std::size_t shard = 0; shard < shards_; ++shard) send_(shard, frame);
} catch (const std::exception&) {  // the next comes in a second
}

}  // namespace domed

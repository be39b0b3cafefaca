#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

#include "base/fair_queue.h"

namespace domed {

// What waits for a commit, and what of it the next round takes.
//
// What is of connections keeps each one's order, and parties take turns.  While somebody is quick,
// which is to say that a connection has one little thing here and nothing else, and others have
// more than a round takes, rounds are small, and every other one is of such things alone: who is
// quick waits for one round of those who are not.  The kernel's own comes after all that was here
// before it: an end for want of a word must not overtake the word.
//
// Not thread-safe.
template <class T>
class Backlog {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kRoundBytes = 8u << 20, kSmallRoundBytes = 256u << 10;
  static constexpr std::size_t kLittle = 64u << 10, kQuick = 8u << 10;
  // How long rounds stay small behind the last who had a reason for it.
  static constexpr std::chrono::seconds kSmallRounds{1};

  // "from" no connection: the kernel's own.  "held": bytes of all that is not answered yet, this
  // one included.
  void push(Sender from, std::size_t bytes, T item, std::size_t held, Clock::time_point now) {
    Waiting waiting{++arrivals_, bytes, std::move(item)};
    if (from.connection == 0) return own_.push_back(std::move(waiting));
    const bool is_alone = !has(from);
    if (is_alone && bytes <= kLittle && held > kSmallRoundBytes) small_until_ = now + kSmallRounds;
    if (is_alone && bytes <= kQuick) return quick_.push(from, std::move(waiting));
    if (quick_.has(from)) others_.push(from, quick_.withdraw(from));
    others_.push(from, std::move(waiting));
  }

  // Adds the next round to "round".
  void take(std::vector<T>& round, Clock::time_point now) {
    const bool is_small = now < small_until_;
    const std::size_t most = is_small ? kSmallRoundBytes : kRoundBytes;
    std::size_t bytes = 0;
    const auto add = [&](Waiting waiting) {
      bytes += waiting.bytes;
      round.push_back(std::move(waiting.item));
    };
    const auto add_own = [&] {
      for (; !own_.empty() && bytes < most && is_turn_of(own_.front()); own_.pop_front())
        add(std::move(own_.front()));
    };
    const auto add_of = [&](FairQueue<Waiting>& queue, std::size_t until) {
      while (!queue.empty() && bytes < until) add(queue.pop());
    };
    // First those whose turn has come: where the others fill each round they would never be taken.
    add_own();
    was_quick_ = is_small && !was_quick_ && !quick_.empty();
    add_of(quick_, was_quick_ ? most : most / 2);
    if (!was_quick_) add_of(others_, most);
    add_own();
  }

  std::size_t size() const { return quick_.size() + others_.size() + own_.size(); }
  bool empty() const { return size() == 0; }
  // Whether there is something of its party's; and of that by its connection.
  bool has_party(Sender from) const { return quick_.has_party(from) || others_.has_party(from); }
  bool has(Sender from) const { return quick_.has(from) || others_.has(from); }

 private:
  struct Waiting {
    std::uint64_t arrival;
    std::size_t bytes;
    T item;
  };
  bool is_turn_of(const Waiting& own) const {
    const auto was_before = [&](const Waiting& other) { return other.arrival < own.arrival; };
    return !quick_.any_first(was_before) && !others_.any_first(was_before);
  }

  // No connection has something in both of the first two.
  FairQueue<Waiting> quick_, others_;
  std::deque<Waiting> own_;
  std::uint64_t arrivals_ = 0;
  bool was_quick_ = false;  // the last round was of quick ones alone
  Clock::time_point small_until_ = Clock::time_point::min();
};

}  // namespace domed

#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <list>
#include <unordered_map>
#include <utility>

namespace domed {

// A queue in which connections take turns, so that who says little does not wait behind all that
// others have said.  What comes from one keeps its order.
//
// Not thread-safe.
template <class T>
class FairQueue {
 public:
  void push(std::uint32_t from, T item) {
    auto& line = lines_[from];
    if (line.empty()) turns_.push_back(from);
    line.push_back({++arrivals_, std::move(item)});
    ++size_;
  }
  // Of whoever's turn it is; not to be asked when empty.
  T pop() {
    const std::uint32_t from = turns_.front();
    turns_.pop_front();
    const auto line = lines_.find(from);
    T item = std::move(line->second.front().second);
    line->second.pop_front();
    line->second.empty() ? void(lines_.erase(line)) : turns_.push_back(from);
    --size_;
    return item;
  }
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  bool has(std::uint32_t from) const { return lines_.count(from) > 0; }

  // How many have come so far; and whether there is still one of the first "arrivals".
  std::uint64_t arrivals() const { return arrivals_; }
  bool has_of_first(std::uint64_t arrivals) const {
    return std::any_of(lines_.begin(), lines_.end(),
                       [&](const auto& line) { return line.second.front().first <= arrivals; });
  }

 private:
  std::unordered_map<std::uint32_t, std::list<std::pair<std::uint64_t, T>>> lines_;
  std::deque<std::uint32_t> turns_;  // those who have something here, once each
  std::size_t size_ = 0;
  std::uint64_t arrivals_ = 0;
};

}  // namespace domed

#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <utility>

namespace domed {

// Who waits: a party, by one of its connections.  0: of nobody.
struct Sender {
  Sender(std::uint32_t of_connection = 0, std::size_t of_party = 0)
      : connection(of_connection), party(of_party) {}
  std::uint32_t connection;
  std::size_t party;
};

// A queue in which parties take turns, and connections where it is their party's, so that who says
// little does not wait behind all that others have said, by however many connections they do.  What
// a party says by one connection keeps its order.
//
// Not thread-safe.
template <class T>
class FairQueue {
 public:
  void push(Sender from, T item) {
    Party& party = parties_[from.party];
    if (party.turns.empty()) turns_.push_back(from.party);
    auto& line = party.lines[from.connection];
    if (line.empty()) party.turns.push_back(from.connection);
    line.push_back(std::move(item));
    ++size_;
  }
  // Of whoever's turn it is; not to be asked when empty.
  T pop() {
    const auto party = parties_.find(turns_.front());
    turns_.pop_front();
    auto& [lines, turns] = party->second;
    const auto line = lines.find(turns.front());
    turns.pop_front();
    T item = std::move(line->second.front());
    line->second.pop_front();
    line->second.empty() ? void(lines.erase(line)) : turns.push_back(line->first);
    if (turns.empty())
      parties_.erase(party);
    else
      turns_.push_back(party->first);
    --size_;
    return item;
  }
  // The only one of its connection.
  T withdraw(Sender from) {
    const auto party = parties_.find(from.party);
    auto& [lines, turns] = party->second;
    const auto line = lines.find(from.connection);
    T item = std::move(line->second.front());
    lines.erase(line);
    turns.remove(from.connection);
    if (turns.empty()) {
      parties_.erase(party);
      turns_.remove(from.party);
    }
    --size_;
    return item;
  }
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  // Whether there is something of its party's; and of that by its connection.
  bool has_party(Sender from) const { return parties_.contains(from.party); }
  bool has(Sender from) const {
    const auto party = parties_.find(from.party);
    return party != parties_.end() && party->second.lines.contains(from.connection);
  }

  // Whether "is" holds of what is first of any connection's.
  template <class Is>
  bool any_first(const Is& is) const {
    for (const auto& item : parties_)
      for (const auto& line : item.second.lines)
        if (is(line.second.front())) return true;
    return false;
  }

 private:
  struct Party {
    std::unordered_map<std::uint32_t, std::list<T>> lines;
    std::list<std::uint32_t> turns;  // connections that have something here, once each
  };
  std::unordered_map<std::size_t, Party> parties_;
  std::list<std::size_t> turns_;  // likewise
  std::size_t size_ = 0;
};

}  // namespace domed

#include <utility>  // which Boost 1.74 forgets

#include "transport/native/party.h"

#include "transport/native/connection.h"

namespace domed::native {
namespace {

// Of those with a role, and of strangers: for these as much as the largest message, for whoever
// comes alone with its first request is answered.  Half of it is full.
constexpr std::ptrdiff_t kMost[] = {128 << 20, 16 << 20};

}  // namespace

// The one that has taken longest goes: who means it needs no longer than the others take to send
// all that again, or leaves nothing unread so long.  Any stranger may be about to show a token.
std::shared_ptr<Connection> Party::hold(const std::shared_ptr<Connection>& who,
                                        std::ptrdiff_t more) {
  const bool stranger = who->is_stranger(), gone = who->is_gone();
  const std::lock_guard lock(mutex_);
  const auto had = kept_.find(who->id());
  if (had == kept_.end() && more == 0) return nullptr;
  Kept& kept = had == kept_.end() ? kept_[who->id()] : had->second;
  if (had == kept_.end()) kept.who = who, kept.begun = ++last_;
  held_[kept.stranger] -= kept.bytes;
  kept.bytes += more;
  kept.stranger = stranger;
  kept.gone = gone;
  const std::ptrdiff_t all = held_[stranger] += kept.bytes;
  if (kept.bytes == 0) kept_.erase(who->id());
  if (more <= 0 || all <= kMost[stranger]) return nullptr;
  const Kept* oldest = nullptr;
  for (const auto& item : kept_) {
    const Kept& one = item.second;
    if (one.stranger == stranger && !one.gone && (!oldest || one.begun < oldest->begun))
      oldest = &one;
  }
  return oldest ? oldest->who.lock() : nullptr;
}

bool Party::is_full(bool strangers) const {
  return held_[strangers] > kMost[strangers] / 2;
}

}  // namespace domed::native

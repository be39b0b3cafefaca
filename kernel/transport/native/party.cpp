#include <utility>  // which Boost 1.74 forgets

#include "transport/native/party.h"

#include <algorithm>

#include "transport/native/connection.h"

namespace domed::native {
namespace {

constexpr std::size_t kMostUnfinished = 64 << 20;
// As much as the largest message: whoever comes alone with its first request is answered.
constexpr std::size_t kMostOfStrangers = 16 << 20;

}  // namespace

// Among strangers, any of whom may be about to show a token, the one that has taken longest goes:
// who means it needs no longer than the others take to send all that again.
std::shared_ptr<Connection> Party::keep(const std::shared_ptr<Connection>& who, std::size_t bytes) {
  const bool stranger = who->is_stranger();
  const std::lock_guard lock(mutex_);
  const auto had = kept_.find(who->id());
  const std::uint64_t begun = had == kept_.end() ? ++last_ : had->second.begun;
  erase(who->id());
  if (bytes <= kFree) return nullptr;
  const Kept& kept = kept_[who->id()] = {who, bytes, stranger, begun};
  const std::size_t all = sum_of(kept) += bytes;
  if (all <= (stranger ? kMostOfStrangers : kMostUnfinished)) return nullptr;
  if (!stranger) return who;
  const auto oldest =
      std::min_element(kept_.begin(), kept_.end(), [](const auto& a, const auto& b) {
        return std::pair(!a.second.stranger, a.second.begun) <
               std::pair(!b.second.stranger, b.second.begun);
      });
  auto leaves = oldest->second.who.lock();
  erase(oldest->first);
  return leaves;
}

void Party::forget(std::uint32_t connection) {
  const std::lock_guard lock(mutex_);
  erase(connection);
}

void Party::erase(std::uint32_t connection) {
  const auto had = kept_.find(connection);
  if (had == kept_.end()) return;
  sum_of(had->second) -= had->second.bytes;
  kept_.erase(had);
}

}  // namespace domed::native

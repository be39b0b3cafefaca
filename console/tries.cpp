#include "console/tries.h"

#include "protocol/api_error.h"

namespace domed::console {
namespace {

constexpr std::size_t kMostAddresses = 1000;
constexpr std::size_t kMostWaiting = 50;  // of each lane: they hold threads

}  // namespace

// Under "mutex_".  An address that nothing wrong came from for a minute is forgotten.
Bucket& Tries::wrong_of(const std::string& address) {
  if (const auto found = wrong_.find(address); found != wrong_.end()) return *found->second;
  if (wrong_.size() >= kMostAddresses)
    std::erase_if(wrong_, [](const auto& item) { return item.second->is_full(); });
  if (wrong_.size() >= kMostAddresses) return wrong_of_others_;
  return *wrong_.emplace(address, std::make_unique<Bucket>(20, std::chrono::seconds(60)))
              .first->second;
}

Tries::Try::Try(Tries& all, const std::string& address) : all_(all), address_(address) {
  std::unique_lock lock(all_.mutex_);
  one_by_one_ = all_.wrong_of(address).is_empty();
  Lane& lane = all_.lane(one_by_one_);
  const auto is_free = [&lane] { return lane.busy < lane.most; };
  bool got = is_free();
  if (!got && lane.waiting < kMostWaiting) {
    ++lane.waiting;
    got = lane.freed.wait_for(lock, all_.patience_, is_free);
    --lane.waiting;
  }
  if (!got) throw ApiError("E_TOO_MANY", "too many try to log in: try again");
  ++lane.busy;
}

Tries::Try::~Try() {
  const std::lock_guard lock(all_.mutex_);
  Lane& lane = all_.lane(one_by_one_);
  --lane.busy;
  lane.freed.notify_one();
}

bool Tries::Try::was_wrong() {
  const std::lock_guard lock(all_.mutex_);
  return all_.wrong_of(address_).take();
}

}  // namespace domed::console

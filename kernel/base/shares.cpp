#include "base/shares.h"

namespace domed {

bool Shares::enter(const std::string& who, std::size_t places, bool first) {
  const std::lock_guard lock(mutex_);
  const auto had = of_.find(who);
  const bool has_none = had == of_.end();
  const std::size_t then = taken_ + places;
  if (then > bounds_.most + (first || has_none ? bounds_.reserve : 0)) return false;
  if (!first && !has_none && then > bounds_.most / 2 && had->second + places > bounds_.of_one)
    return false;
  taken_ = then;
  of_[who] += places;
  return true;
}

void Shares::leave(const std::string& who, std::size_t places) {
  const std::lock_guard lock(mutex_);
  taken_ -= places;
  const auto had = of_.find(who);
  if ((had->second -= places) == 0) of_.erase(had);
}

}  // namespace domed

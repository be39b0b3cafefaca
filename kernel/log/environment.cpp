#include "log/environment.h"

#include "base/units.h"
#include "domed/store.h"
#include "domed/support/hash.h"

namespace domed {
std::int64_t SystemEnvironment::now() {
  return now_micros();
}

std::string SystemEnvironment::random_id() {
  return random_hex(16);
}

std::string SystemEnvironment::revision() {
  const std::lock_guard lock(mutex_);
  if (random_.empty()) random_ = random_bytes(256 * kRevisionBytes);
  std::string out = random_.substr(random_.size() - kRevisionBytes);
  random_.resize(random_.size() - kRevisionBytes);
  return out;
}

}  // namespace domed

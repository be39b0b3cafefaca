#include "log/environment.h"

#include <algorithm>
#include <chrono>

#include "domed/support/hash.h"

namespace domed {

std::int64_t Environment::next_ordinal() {
  const std::int64_t now_us = now();
  std::int64_t last = last_ordinal_.load();
  while (!last_ordinal_.compare_exchange_weak(last, std::max(now_us, last + 1))) {
  }
  return std::max(now_us, last + 1);
}

void Environment::pass_ordinal(std::int64_t ordinal) {
  std::int64_t last = last_ordinal_.load();
  while (last < ordinal && !last_ordinal_.compare_exchange_weak(last, ordinal)) {
  }
}

std::int64_t SystemEnvironment::now() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::string SystemEnvironment::random_id() {
  return random_hex(16);
}

}  // namespace domed

#include "client/trouble.h"

namespace domed {
namespace {

using namespace std::chrono_literals;

// Tries are at most two seconds apart (backoff.h), the first of them much less: the first word
// comes within two seconds.
constexpr auto kFirst = 1s, kAgain = 30s;

}  // namespace

void Trouble::met(const ApiError& error) {
  if (!tell_) return;
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  if (!since_) since_ = now;
  if (now < *since_ + kFirst || (told_ && now < *told_ + kAgain)) return;
  told_ = now;
  tell_(&error);
}

void Trouble::over() {
  if (!tell_) return;
  const std::lock_guard lock(mutex_);
  if (told_) tell_(nullptr);
  since_ = told_ = std::nullopt;
}

}  // namespace domed

#include "base/troubles.h"

#include "base/units.h"

namespace domed {
namespace {

using namespace std::chrono_literals;
constexpr auto kTellAgain = 1min;

std::chrono::seconds whole_seconds(Troubles::Clock::duration time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time);
}

}  // namespace

// The text may change with every try (how many bytes were asked for): that alone is no news.
void Troubles::met(const std::string& subject, const std::string& text, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  const auto [it, begins] = known_.try_emplace(subject, Known{text, now, now});
  Known& known = it->second;
  known.text = text;
  if (begins) return log_(Word::begins, subject + ": " + text);
  if (now < known.told + kTellAgain) return;
  known.told = now;
  log_(Word::lasts,
       subject + ": for " + format_duration(whole_seconds(now - known.since)) + ": " + text);
}

void Troubles::over(const std::string& subject, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  const auto it = known_.find(subject);
  if (it == known_.end()) return;
  log_(Word::over,
       subject + ": works again, after " + format_duration(whole_seconds(now - it->second.since)));
  known_.erase(it);
}

std::vector<Troubles::Trouble> Troubles::present(Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  std::vector<Trouble> out;
  for (const auto& [subject, known] : known_) {
    if (out.size() == kMostPresent) break;
    out.push_back({subject, known.text, whole_seconds(now - known.since)});
  }
  return out;
}

}  // namespace domed

#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace domed {

// What does not work at the moment, by its subject ("store"): told in the log at once, once a
// minute while it lasts, and when it is over, however often it is met in between; and listed for
// Health.
//
// Thread-safe.  "log" is called with the lock held and must not block.
class Troubles {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Word { begins, lasts, over };
  static constexpr std::size_t kMostPresent = 100;  // a damaged store may have one for each job
  using Log = std::function<void(Word word, const std::string& text)>;
  struct Trouble {
    std::string subject, text;
    std::chrono::seconds lasts{0};
  };

  explicit Troubles(Log log) : log_(std::move(log)) {}

  void met(const std::string& subject, const std::string& text, Clock::time_point now);
  void over(const std::string& subject, Clock::time_point now);
  // At most kMostPresent of them, in the order of their subjects.
  std::vector<Trouble> present(Clock::time_point now) const;

 private:
  struct Known {
    std::string text;
    Clock::time_point since, told;
  };

  const Log log_;
  mutable std::mutex mutex_;
  std::map<std::string, Known> known_;
};

}  // namespace domed

#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "console/bucket.h"

namespace domed::console {

// How words that may be somebody's token are tried, for which daemons are asked: few at a time,
// and those from an address that many wrong ones came from one by one, whatever address that is.
// So whoever guesses costs little and keeps nobody out: a right word always gets in.  Thread-safe.
class Tries {
 public:
  // Where there is no place, one is waited for so long.
  explicit Tries(std::chrono::milliseconds patience = std::chrono::seconds(5))
      : patience_(patience) {}

  // One of them.
  class Try {
   public:
    // Throws ApiError(E_TOO_MANY) where no place becomes free.
    Try(Tries& all, const std::string& address);
    ~Try();
    Try(const Try&) = delete;
    Try& operator=(const Try&) = delete;
    // The word was wrong; false: as too many before it from this address.
    bool was_wrong();

   private:
    Tries& all_;
    const std::string address_;
    bool one_by_one_ = false;
  };

 private:
  struct Lane {
    const std::size_t most;
    std::size_t busy = 0, waiting = 0;
    std::condition_variable freed{};
  };
  Lane& lane(bool one_by_one) { return one_by_one ? guessing_ : calm_; }
  Bucket& wrong_of(const std::string& address);

  const std::chrono::milliseconds patience_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Bucket>> wrong_;  // by address
  Bucket wrong_of_others_{20, std::chrono::seconds(60)};
  Lane calm_{8}, guessing_{1};
};

}  // namespace domed::console

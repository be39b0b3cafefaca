#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "domed/watch.h"

namespace domed {

// What was committed to one place, for those who watch it.  Each change gets the next number, and
// a cursor is the number that was told last; of a job only the last change is kept, so that the
// list is never longer than there are jobs, and no cursor is ever too old for it.
//
// A cursor bears the place's name: one of another life of the place says nothing about this one,
// and is answered with a gap.
//
// Thread-safe.
class ChangeList {
 public:
  explicit ChangeList(std::string place) : place_(std::move(place)) {}

  // Tells of a job that reads see already.
  void add(Change change);
  // A job that is not there any more: nothing is told of it.
  void forget(const std::string& job_id);
  // A change could not be told, for want of memory: all cursors so far meet a gap.
  void lose();

  // As Watch::wait().  "interrupted" is set by interrupt(), and cleared by the wait that it ends.
  Changes wait(const std::string& cursor, std::chrono::milliseconds timeout, bool& interrupted);
  void interrupt(bool& interrupted);

 private:
  std::string cursor_at(std::uint64_t number) const;
  std::string beginning() const;  // of each cursor
  bool read(std::string_view cursor, std::uint64_t& number) const;

  const std::string place_;
  std::mutex mutex_;
  std::condition_variable news_;
  std::uint64_t last_ = 0, losses_ = 0;
  std::map<std::uint64_t, Change> changes_;  // by number
  std::map<std::string, std::uint64_t, std::less<>> numbers_;
};

}  // namespace domed

#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <ostream>
#include <string>
#include <string_view>

#include "base/json.h"

namespace domed::history {

// Microseconds of the machine's monotonic clock: the same in all its processes.
std::int64_t monotonic_us();

// Writes a history: one JSON object a line, as docs/history.md has it.
// Thread-safe; lines stand in the order of their times.
class Recorder {
 public:
  using Clock = std::function<std::int64_t()>;
  // Begins with the record that names the store.
  Recorder(std::ostream& out, const std::string& store, const std::string& durability,
           Clock clock = monotonic_us);

  // What follows is of another store.
  void begin(const std::string& store, const std::string& durability);
  // "fields" are the record's own, beside "t", "who" and "what".
  void write(std::string_view who, std::string_view what, const OrderedJson& fields);

 private:
  std::ostream& out_;
  const Clock clock_;
  std::mutex mutex_;
};

}  // namespace domed::history

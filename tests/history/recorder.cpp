#include "recorder.h"

#include <chrono>

namespace domed::history {

std::int64_t monotonic_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

Recorder::Recorder(std::ostream& out, const std::string& store, const std::string& durability,
                   Clock clock)
    : out_(out), clock_(std::move(clock)) {
  begin(store, durability);
}

void Recorder::begin(const std::string& store, const std::string& durability) {
  write("", "history", {{"version", 1}, {"store", store}, {"durability", durability}});
}

void Recorder::write(std::string_view who, std::string_view what, const OrderedJson& fields) {
  OrderedJson record{{"who", who}, {"what", what}};
  record.update(fields);
  std::string rest = record.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
  rest[0] = ',';
  const std::lock_guard lock(mutex_);
  out_ << "{\"t\":" << clock_() << rest << '\n';
}

}  // namespace domed::history

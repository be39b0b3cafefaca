#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "base/json.h"
#include "protocol/api_error.h"
#include "protocol/call.h"

namespace domed {

// Who changed what, and who was refused: each a JSON object for the log.
//   {"who":…,"role":…,"method":…,"job_id":…,"producer_id":…,"outcome":"ok" or an E_ name,
//    "message":…}
// What repeats the one before is not told again, as the pieces of one import; and of refusals at
// most twenty a second are, the next then says how many were not ("untold").
//
// Thread-safe.
class Audit {
 public:
  using Tell = std::function<void(const OrderedJson&)>;

  explicit Audit(Tell tell) : tell_(std::move(tell)) {}

  // Has the answer to "call", a request that may change something, told as it goes out.
  void watch(Call& call, const std::string& method);
  void done(const Identity& who, std::string_view method, const std::string& job_id,
            const std::string& producer_id = "");
  void refused(const Identity& who, std::string_view method, const std::string& job_id,
               const ApiError& error);

 private:
  void answered(const Identity& who, const std::string& method, const std::string& job_id,
                std::string_view reply);
  void tell(OrderedJson line, bool is_refusal);

  const Tell tell_;
  std::mutex mutex_;
  std::string last_;
  std::chrono::steady_clock::time_point second_{};
  int told_ = 0;  // refusals in it
  std::uint64_t untold_ = 0;
};

}  // namespace domed

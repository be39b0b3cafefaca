#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "base/json.h"
#include "protocol/api_error.h"
#include "protocol/identity.h"
#include "protocol/request.h"

namespace domed {

// Who changed what, and who was refused: each a JSON object for the log.
//   {"who":…,"role":…,"method":…,"job_id":…,"new_job_id":…,"producer_id":…,
//    "outcome":"ok" or an E_ name,"message":…}
// A refusal, or a piece of a long change, that repeats the line before is not told again; and of
// refusals at most twenty a second are, the next then says how many were not ("untold").
//
// Thread-safe.
class Audit {
 public:
  using Tell = std::function<void(const OrderedJson&)>;

  explicit Audit(Tell tell) : tell_(std::move(tell)) {}

  // For the "outcome" of a call with "request", which may change something; "in_pieces": with
  // others that make one change.  It may be used as long as this object lives.
  std::function<void(std::string_view, const ApiError*)> witness(IdentityPtr who,
                                                                 const Request& request,
                                                                 bool in_pieces);
  void done(const Identity& who, std::string_view method, const std::string& job_id,
            const std::string& producer_id = "");
  void refused(const Identity& who, std::string_view method, const std::string& job_id,
               const ApiError& error);

 private:
  enum class Kind { change, piece, refusal };
  void tell(OrderedJson line, Kind kind);

  const Tell tell_;
  std::mutex mutex_;
  std::string last_;
  std::chrono::steady_clock::time_point second_{};
  int told_ = 0;  // refusals in it
  std::uint64_t untold_ = 0;
};

}  // namespace domed

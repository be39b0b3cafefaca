#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/json.h"
#include "protocol/api_error.h"
#include "protocol/identity.h"
#include "protocol/request.h"

namespace domed {

// Who changed what, and who was refused: each a JSON object for the log.
//   {"who":…,"role":…,"method":…,"job_id":…,"new_job_id":…,"backup_id":…,"log_id":…,
//    "producer_id":…,"outcome":"ok" or an E_ name,"message":…}
// Every request of somebody who may change something is told, whatever became of it; of a long
// change, whose "backup_id" or "log_id" its pieces have, the first alone.  Refusals for want of a
// role or a right token are bounded, as strangers cause them: one that repeats the line before is
// not told again, and of one identity's at most twenty a second are; all who have no role here
// share that.  The next then says how many were not ("untold").
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
  // For want of a role or a right token.
  void refused(const Identity& who, std::string_view method, const std::string& job_id,
               const ApiError& error);

 private:
  // Of one identity's refusals.
  struct Bucket {
    std::chrono::steady_clock::time_point second{};
    int told = 0;  // in it
    std::uint64_t untold = 0;
  };

  void tell(OrderedJson line);
  void tell_piece(OrderedJson line, bool later);  // than the first
  Bucket& bucket_of(const Identity& who);

  const Tell tell_;
  std::mutex mutex_;
  std::string last_;               // refusal, where nothing was told since
  std::deque<std::string> begun_;  // long changes, the newest last
  std::map<std::string, Bucket> buckets_;
};

}  // namespace domed

#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"
#include "protocol/api_error.h"
#include "protocol/identity.h"
#include "protocol/request.h"

namespace domed {

// Who changed what, and who was refused: each a JSON object for the log.
//   {"who":…,"role":…,"method":…,"job_id":…,"new_job_id":…,"backup_id":…,"log_id":…,
//    "producer_id":…,"outcome":"ok" or an E_ name,"message":…}
// What cannot be read as a request may have been to change something, and has no "method".
// Every change is told; of a long one, whose "backup_id" or "log_id" its pieces have, the first
// piece alone.  What failed may be asked without end, so that is bounded: one that repeats the line
// before is not told again, and of one identity's at most twenty a second are, of refusals for want
// of a role or a right token another twenty; all who have no role here share that.  How many were
// not told is told ("untold"), by the next of the same kind, or by a line of its own, whose
// "outcome" is "failed" or "refused", before anybody's next, once that second is over.
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
  // What was to change something and did not, or was not allowed.
  void failed(const Identity& who, std::string_view method, const std::string& job_id,
              const ApiError& error);
  // The same of what was not well formed: "method" may be "", its job stands in "params", if at
  // all.
  void unread(const Identity& who, std::string_view method, const std::string& params,
              const ApiError& error);
  // What was left out and is not told yet; for the end, when nothing follows that would bring it.
  void tell_rest() { tell_counts(true); }

 private:
  // Of what one identity failed in.
  struct Bucket {
    std::chrono::steady_clock::time_point second{};
    int told = 0;  // in it
    std::uint64_t untold = 0;
    OrderedJson line{};  // which counts: whose, and of which kind
  };
  using Key = std::pair<std::string, bool>;  // whose, and whether they were refused

  void tell(OrderedJson line);
  void tell_piece(OrderedJson line, bool later);  // than the first
  void tell_failure(const Identity& who, OrderedJson line);
  void tell_counts(bool all = false);
  Bucket& bucket_of(const Identity& who, bool refused);

  const Tell tell_;
  std::mutex mutex_;
  std::string last_;               // failure, where nothing was told since
  std::deque<std::string> begun_;  // long changes, the newest last
  std::map<Key, Bucket> buckets_;
};

}  // namespace domed

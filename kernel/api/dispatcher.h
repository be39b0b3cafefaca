#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "api/audit.h"
#include "api/methods.h"
#include "base/metrics.h"
#include "base/workers.h"
#include "protocol/call.h"
#include "protocol/request.h"

namespace domed {

// A request's way from its bytes to its method: its size, its envelope, who asks and whether they
// may, and the thread that answers it.  Whoever brought it must not be kept: a large one is read on
// a worker, and so is answered whatever asks the store or the system.
//
// Thread-safe.  What it is given must outlive it; once the workers have stopped, what needs
// one gets E_BUSY.
class Dispatcher : private Answers {
 public:
  // Of a request that is answered: for whoever looks for what is slow, or fails.
  struct News {
    std::string_view method;  // "" where it could not be read
    std::string who;
    std::string_view error;  // "" of a result
    std::chrono::nanoseconds took;
  };
  using Tell = std::function<void(const News&)>;

  // "audit" hears of every request that changes something, of all that are refused, and of all that
  // cannot be read; "metrics" counts and times them all; "tell" is told of each, where it is not
  // null.
  Dispatcher(const Methods& methods, Workers& workers, Audit& audit, Metrics& metrics,
             Tell tell = nullptr);

  // Answers the request, exactly once, soon or later; never blocks or throws.
  void take(std::string bytes, Peer peer, std::function<void(std::string)> reply);

 private:
  void answered(const Call& call, std::string_view error) override;
  bool may_still(const Call& call) const override;
  IdentityPtr must_still_be_allowed(const Call& call) const override;
  void handle(const std::string& bytes, Call call);
  static void refuse(const std::string& bytes, Call call);
  void must_be_allowed(const Identity& who, const Method& method, const Call& call) const;
  void tell_unread(const Request& request, const Call& call, const ApiError& why) const;
  void answer(const Method& method, Call call);

  const Methods& methods_;
  Workers& workers_;
  Audit& audit_;
  Metrics& metrics_;
  const Tell tell_;
  struct Measured {
    Counter* asked;
    Histogram* took;
  };
  std::map<std::string, Measured, std::less<>> measured_;  // by method
};

}  // namespace domed

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
class Dispatcher : private Errors {
 public:
  // "audit" hears of every request that changes something, and of all that are refused; "metrics"
  // counts them all.
  Dispatcher(const Methods& methods, Workers& workers, Audit& audit, Metrics& metrics);

  // Answers the request, exactly once, soon or later; never blocks or throws.
  void take(std::string bytes, Peer peer, std::function<void(std::string)> reply);

 private:
  void met(const std::string& error) override;
  void handle(const std::string& bytes, Call call);
  void authorize(const Request& request, const Method& method, Call& call) const;
  void answer(const Method& method, Call call);

  const Methods& methods_;
  Workers& workers_;
  Audit& audit_;
  Metrics& metrics_;
  std::map<const Method*, Counter*> asked_;
};

}  // namespace domed

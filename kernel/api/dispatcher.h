#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "api/methods.h"
#include "base/workers.h"
#include "protocol/call.h"

namespace domed {

// A request's way from its bytes to its method: its size, its envelope, and the thread that
// answers it.  Whoever brought it must not be kept: a large one is read on a worker, and so is
// answered whatever asks the store or the system.
//
// Thread-safe.  "methods" and "workers" must outlive it; once the workers have stopped, what needs
// one gets E_BUSY.
class Dispatcher {
 public:
  Dispatcher(const Methods& methods, Workers& workers) : methods_(methods), workers_(workers) {}

  // Answers the request, exactly once, soon or later; never blocks or throws.
  void take(std::string bytes, Peer peer, std::function<void(std::string)> reply);

 private:
  void handle(const std::string& bytes, Call call);
  void answer(const Method& method, Call call);

  const Methods& methods_;
  Workers& workers_;
};

}  // namespace domed

#pragma once

#include "base/shares.h"
#include "base/workers.h"
#include "domed/store.h"
#include "protocol/call.h"

namespace domed {

// SearchJob: the output of a job that holds a text, found where it is stored.  A request looks at
// so much of a log, for so long, and says how far it came; two are at work at a time, on threads of
// their own, and who asks takes turns: so nobody waits for a search but who searches.
//
// Thread-safe.
class SearchMethods {
 public:
  explicit SearchMethods(const Store& store) : store_(store) {}

  void search_job(Call call);
  void stop() { workers_.stop(); }

 private:
  const Store& store_;
  Shares waiting_{{64, 8}};
  Workers workers_{2};  // the last member, and so the first to go
};

}  // namespace domed

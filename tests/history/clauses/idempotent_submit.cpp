// (client_id, idempotency_key) names one job.
#include "clause.h"

namespace domed::history {
namespace {

Found compare(const Record& one, const Record& two) {
  if (one.request != two.request)
    return Finding{"another request under the same key was accepted", {&one, &two}};
  if (one.job != two.job || one.token != two.token || one.log != two.log)
    return Finding{"the same request under the same key gave another job", {&one, &two}};
  if (!one.replayed && !two.replayed)
    return Finding{"the same request was accepted twice as new", {&one, &two}};
  return {};
}

}  // namespace

Found idempotent_submit(const History& history) {
  std::map<std::string, const Record*> jobs;
  for (const Record* record : history.records()) {
    if (record->what != "submitted") continue;
    const Record*& first = jobs[record->store + '\n' + record->client + '\n' + record->key];
    if (first && !history.forgot(record->store, first->t, record->t)) {
      if (auto found = compare(*first, *record)) return found;
      if (first->replayed) first = record;
    } else {
      first = record;
    }
  }
  return {};
}

}  // namespace domed::history

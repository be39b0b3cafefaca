#include <algorithm>
#include <utility>

#include "operations.h"

namespace conformance {
namespace {

// "list" without what stands from "at" on, "count" of it.
template <class List>
List without(List list, std::size_t at, std::size_t count) {
  const auto begin = list.begin() + static_cast<std::ptrdiff_t>(at);
  list.erase(begin, begin + static_cast<std::ptrdiff_t>(std::min(count, list.size() - at)));
  return list;
}

// "operations" as if entry "at" of the batch "i" had never been: whoever saw the revision that
// it gave saw the one before, and the seqs behind its lines move up.
Operations bridged(Operations operations, std::size_t i, std::size_t at) {
  const Draft gone = operations[i].batch[at];
  const auto moved = [&](std::uint64_t seq) {
    return seq > gone.base ? seq - std::min<std::uint64_t>(gone.ends.size(), seq - gone.base) : seq;
  };
  operations[i].batch = without(operations[i].batch, at, 1);
  for (std::size_t later = i + 1; later < operations.size(); ++later) {
    for (Draft& draft : operations[later].batch) {
      if (draft.job_id != gone.job_id) continue;
      if (draft.expected_revision == gone.revision)
        draft.expected_revision = gone.expected_revision;
      draft.base = moved(draft.base);
      draft.first_seq = moved(draft.first_seq);
    }
    if (operations[later].job_id == gone.job_id)
      operations[later].from = std::max<std::uint64_t>(moved(operations[later].from), 1);
  }
  return operations[i].batch.empty() ? without(std::move(operations), i, 1) : operations;
}

}  // namespace

Operations shrink(Operations operations, const std::function<bool(const Operations&)>& fails,
                  int tries) {
  const auto replaced_by = [&](Operations shorter) {
    if (tries <= 0) return false;
    --tries;
    if (!fails(shorter)) return false;
    operations = std::move(shorter);
    return true;
  };
  for (std::size_t size = std::max<std::size_t>(operations.size() / 2, 1); size > 0; size /= 2)
    for (std::size_t at = operations.size(); at > 0;) {
      at = at > size ? at - size : 0;
      replaced_by(without(operations, at, size));
      at = std::min(at, operations.size());
    }
  for (std::size_t i = 0; i < operations.size(); ++i)
    for (std::size_t at = operations[i].batch.size(); at > 0 && operations[i].batch.size() > 1;) {
      Operations shorter = operations;
      shorter[i].batch = without(shorter[i].batch, --at, 1);
      replaced_by(std::move(shorter));
      at = std::min(at, operations[i].batch.size());
    }
  // What is left hangs together by revisions.
  for (std::size_t i = operations.size(); i-- > 0;)
    for (std::size_t at = operations[i].batch.size(); at-- > 0;) {
      replaced_by(bridged(operations, i, at));
      if (i >= operations.size()) break;
      at = std::min(at, operations[i].batch.size());
    }
  return operations;
}

}  // namespace conformance

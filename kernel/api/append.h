#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

#include "api/audit.h"
#include "base/replaceable.h"
#include "base/shares.h"
#include "base/workers.h"
#include "domed/store.h"
#include "jobs/scheduler.h"
#include "log/append.h"
#include "log/journal.h"
#include "protocol/call.h"

namespace domed {

// By which this daemon acts on a store that others act on too; null where none does.
struct ThisNode {
  std::string id;
  NodeLease* lease = nullptr;
};

// AppendJobEvents: a producer's batch on its way to the journal.
//
// Most batches go there at once.  One that starts or ends a job has to bring what is known of its
// sources, which takes as long as the collectors may: that is waited for on a thread of ours, never
// on the journal's.  An end that was pipelined behind its start finds no beginning to compare with
// yet. It waits its turn in the journal, as any batch ahead of its predecessor, and is looked at
// again.
//
// All batches from here to their answers count against a bound, those that wait for collectors with
// the rest, and those that wait for the batch before them against one of their own.  Both are
// shared out by identity, with a reserve for operators: our runners are the daemon's user.
//
// Thread-safe.
class AppendMethods {
 public:
  AppendMethods(const Store& store, Journal& journal, Scheduler& scheduler, Audit& audit,
                std::size_t most, ThisNode node = {})
      : store_(store),
        journal_(journal),
        scheduler_(scheduler),
        audit_(audit),
        node_(std::move(node)),
        at_work_({most, std::max<std::size_t>(most / 8, 1), most / 4}) {}

  // From now on "masks" say what must not be stored of what is appended, beside a job's secrets.
  void use(std::shared_ptr<const Masks> masks) { masks_.become(std::move(masks)); }

  void append_job_events(Call call);

  // Starts no collecting any more; what waits for it gets E_BUSY.
  void close() { collecting_.close(); }
  // And waits for what is being collected.
  void stop() { collecting_.stop(); }

 private:
  using RequestPtr = std::shared_ptr<AppendRequest>;

  // A request's, from here to its answer: one of those at work, or else bytes of those parked.
  struct Place {
    std::string who;
    bool first = false;  // see Shares
    std::size_t bytes = 0;
    bool parked = false;
  };
  using PlacePtr = std::shared_ptr<Place>;

  AppendRequest read(Call& call);
  void park(Place& place);
  void leave(const Place& place);
  void collect(Call call, RequestPtr request, const PlacePtr& place, bool last_chance);
  bool add_provenance(AppendRequest& request, Door door, bool last_chance) const;
  void await_turn(Call call, RequestPtr request, const PlacePtr& place);
  void commit(Call asked, AppendRequest request, const PlacePtr& place);
  void tell(const Call& call, const std::string& job_id, const Batch& batch, bool replayed);
  void tell(const Call& call, const std::string& job_id, std::exception_ptr refusal);

  const Store& store_;
  Journal& journal_;
  Scheduler& scheduler_;
  Audit& audit_;
  const ThisNode node_;
  Replaceable<std::shared_ptr<const Masks>> masks_{nullptr};
  // `BackPressure`: requests that are not answered yet; and bytes of those that are parked, a part
  // of what the journal takes.
  Shares at_work_;
  Shares parked_{{8 << 20, 1 << 20, 4 << 20}};
  // Threads of their own, for a collector that hangs must not keep pages and submits waiting. The
  // last member, so that what its tasks use goes after them.
  Workers collecting_{4};
};

}  // namespace domed

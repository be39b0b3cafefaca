#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "api/audit.h"
#include "base/replaceable.h"
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
// All batches from here to their answers count against one bound, those that wait for collectors
// with the rest.
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
        most_(most) {}

  // From now on "masks" say what must not be stored of what is appended, beside a job's secrets.
  void use(std::shared_ptr<const Masks> masks) { masks_.become(std::move(masks)); }

  void append_job_events(Call call);

  // Starts no collecting any more; what waits for it gets E_BUSY.
  void close() { collecting_.close(); }
  // And waits for what is being collected.
  void stop() { collecting_.stop(); }

 private:
  using RequestPtr = std::shared_ptr<AppendRequest>;

  AppendRequest read(Call& call);
  bool may_enter(std::uint32_t pipe);
  void left(std::uint32_t pipe);
  void collect(Call call, RequestPtr request, bool last_chance);
  bool add_provenance(AppendRequest& request, Door door, bool last_chance) const;
  void await_turn(Call call, RequestPtr request);
  void commit(Call asked, AppendRequest request);
  void tell(const Call& call, const std::string& job_id, const Batch& batch, bool replayed);
  void tell(const Call& call, const std::string& job_id, std::exception_ptr refusal);

  const Store& store_;
  Journal& journal_;
  Scheduler& scheduler_;
  Audit& audit_;
  const ThisNode node_;
  Replaceable<std::shared_ptr<const Masks>> masks_{nullptr};
  // `BackPressure`: requests that are not answered yet, wherever they wait, and how many of them
  // there may be; a quarter more for connections that have none.  The mutex guards the counts.
  const std::size_t most_;
  std::mutex mutex_;
  std::size_t under_way_ = 0;
  std::unordered_map<std::uint32_t, std::size_t> of_pipe_;
  // Threads of their own, for a collector that hangs must not keep pages and submits waiting. The
  // last member, so that what its tasks use goes after them.
  Workers collecting_{4};
};

}  // namespace domed

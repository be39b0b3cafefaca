#include "api/append.h"

#include "jobs/whose.h"
#include "log/refusal.h"
#include "log/token.h"
#include "protocol/limits.h"
#include "protocol/request.h"

namespace domed {

namespace {

// A directory of this machine is looked at for whoever may run commands in it: what stands there
// may be nothing that others may read.
Door door_of(const Call& call) {
  return call.peer.door == Door::ipc && call.who->role < Role::admin ? Door::guest : call.peer.door;
}

constexpr std::size_t kMemory = 1024;  // of a request, beside its events

// As events it takes about so much.
std::size_t bytes_of(const AppendRequest& request) {
  return request.params_bytes * 4;
}

}  // namespace

void AppendMethods::append_job_events(Call call) {
  AppendRequest request = read(call);
  // `BackPressure`. Counted before it is looked at, so that of many who come at once none slips
  // through.
  const auto place = std::make_shared<Place>(
      Place{call.who->name, call.who->role >= Role::admin, kMemory + bytes_of(request)});
  if (!at_work_.enter(place->who, 1, place->first))
    throw busy("too many appends wait for the store, of all or of yours", 20);
  // Whatever answers the call counts it down, a refusal too. That is why what follows answers for
  // itself: who called has the call with the reply that counts nothing.
  call.reply = [this, place, reply = std::move(call.reply)](std::string text) {
    leave(*place);
    reply(std::move(text));
  };
  if (!request.starts() && !request.ends())
    return commit(std::move(call), std::move(request), place);
  collect(std::move(call), std::make_shared<AppendRequest>(std::move(request)), place, false);
}

// Its params are needed no more.
AppendRequest AppendMethods::read(Call& call) {
  try {
    AppendRequest request = read_append(call.params);
    call.params = {};
    return request;
  } catch (const ApiError& e) {
    audit_.unread(*call.who, "AppendJobEvents", call.params, e);
    throw;
  }
}

// It waits for another batch from now on, and not for the store: that one must find room.  On the
// thread that commits.
void AppendMethods::park(Place& place) {
  if (place.parked) return;
  if (!parked_.enter(place.who, place.bytes, place.first))
    throw busy("too many batches wait for those before them, of all or of yours", 100);
  place.parked = true;
  at_work_.leave(place.who);
}

void AppendMethods::leave(const Place& place) {
  place.parked ? parked_.leave(place.who, place.bytes) : at_work_.leave(place.who);
}

void AppendMethods::collect(Call call, RequestPtr request, const PlacePtr& place,
                            bool last_chance) {
  collecting_.run(
      [this, call, request, place, last_chance] {
        try {
          if (!add_provenance(*request, door_of(call), last_chance))
            return await_turn(call, request, place);
        } catch (...) {
          return call.error(std::current_exception());
        }
        commit(call, std::move(*request), place);
      },
      [call] { call.error(stopping_error()); }, call.sender());
}

// What is known of the sources stands in the log before the state it explains.  False:
// a batch before this one is still on its way.
bool AppendMethods::add_provenance(AppendRequest& request, Door door, bool last_chance) const {
  // What the journal will refuse, or answer a second time, is left to it: for that no collector is
  // asked, least of all by a stranger without a token.
  const auto record = store_.find(request.job_id);
  if (!record || record->tombstone || !record->columns.unfinished) return true;
  JobFixed fixed = fixed_of(*record);
  Batch& batch = request.batch;
  const JobHead head = head_of(*record);
  if (!is_token(run_token_of(head, fixed), batch.producer_token)) return true;  // will be refused
  // `IdempotentAppend`: only what is on its way is waited for. A repeated batch has its answer
  // already, and one that is further ahead gets E_BATCH_GAP at once.
  const std::uint64_t last = head.last_batch(batch.producer_id);
  if (!last_chance && batch.number > last + 1 && batch.number <= last + limits::kBatchesAhead)
    return false;
  // `StateIsEvents`. A batch that starts the job and ends it compares its end with what is seen
  // here, so the first look goes into "fixed" too.
  if (request.starts() && fixed.provenance.empty())
    batch.provenance = fixed.provenance = scheduler_.first_look(fixed, door);
  if (request.ends() && fixed.provenance_end.empty())
    batch.provenance_end = scheduler_.last_look(fixed, door);
  return true;
}

// A command that changes nothing: it is through when the batch before has been taken, or when
// limits::kGapWait is over. Then it is looked at for the last time, so that no batch goes round for
// ever. Its "done" is on the committing thread, where collect() only adds to a queue.
void AppendMethods::await_turn(Call call, RequestPtr request, const PlacePtr& place) {
  Journal::Command command;
  command.job_id = request->job_id;
  command.from = call.sender();
  command.bytes = request->params_bytes;
  command.apply = [this, request, place](JobLog& log, bool last_chance) {
    const Batch& batch = request->batch;
    if (last_chance || batch.number <= log.head().last_batch(batch.producer_id) + 1) return true;
    park(*place);
    return false;
  };
  command.done = [this, call, request, place](std::exception_ptr e) {
    if (e) return call.error(e);
    collect(call, request, place, true);
  };
  journal_.submit(std::move(command));
}

void AppendMethods::commit(Call asked, AppendRequest request, const PlacePtr& place) {
  const auto call = std::make_shared<const Call>(std::move(asked));
  auto result = std::make_shared<AppendResult>();
  Journal::Command command;
  command.entry_bytes = request.entry_bytes();
  auto batch = std::make_shared<Batch>(std::move(request.batch));
  batch->masks = *masks_.now();
  command.job_id = request.job_id;
  command.from = call->sender();
  // What came with others may not wait for the disk: they would wait, too.
  const bool alone = call->peer.alone;
  command.bytes = bytes_of(request);
  command.apply = [this, call, batch, result, place](JobLog& log, bool last_chance) {
    call->must_still_be_allowed();  // collectors take their time, and so do other commits
    // Whether it is taken or not: a producer that bears the token and says something is there. Told
    // before the next command on this job, which may be its end for want of a word.
    struct Tell {
      ~Tell() {
        if (result.expires) scheduler.heard(job_id);
      }
      Scheduler& scheduler;
      const AppendResult& result;
      const std::string& job_id;
    };
    const Tell tell{scheduler_, *result, log.job_id()};
    if (node_.lease) take_at(*batch, log, node_.id, node_.lease->standing());
    const bool is_through = log.append(*batch, last_chance, *result);
    if (!is_through) park(*place);
    return is_through;
  };
  command.done = [this, call, job_id = request.job_id, batch, result](std::exception_ptr e) {
    if (e) return tell(*call, job_id, e), call->error(e);
    tell(*call, job_id, *batch, result->replayed);
    const auto word = [](bool value) { return value ? "true" : "false"; };
    std::string out;
    out.reserve(128);
    out.append("{\"first_seq\":").append(std::to_string(result->first_seq));
    out.append(",\"head_seq\":").append(std::to_string(result->head_seq));
    out.append(",\"state\":\"").append(state_name(result->state));
    out.append("\",\"replayed\":").append(word(result->replayed));
    out.append(",\"cancel_requested\":").append(word(result->cancel_requested));
    if (result->paused) out.append(",\"paused\":true");
    if (const auto left = node_.lease && result->is_run ? node_.lease->tell(job_id) : std::nullopt)
      out.append(",\"stop_in_ms\":").append(std::to_string(left->count()));
    out.append("}");
    call->result(out);
  };
  // Answered here and not thrown, see append_job_events().
  try {
    alone ? journal_.submit_or_commit(std::move(command)) : journal_.submit(std::move(command));
  } catch (...) {
    call->error(std::current_exception());
  }
}

// Once for each producer and job: with its first batch.  What is refused always.
void AppendMethods::tell(const Call& call, const std::string& job_id, const Batch& batch,
                         bool replayed) {
  if (batch.number == 1 && !replayed)
    audit_.done(*call.who, "AppendJobEvents", job_id, batch.producer_id);
}

void AppendMethods::tell(const Call& call, const std::string& job_id, std::exception_ptr refusal) {
  try {
    std::rethrow_exception(refusal);
  } catch (const ApiError& e) {
    // What may go well when it comes again is no refusal; for want of a role it is told already.
    if (!e.retryable() && e.name() != "E_FORBIDDEN")
      audit_.failed(*call.who, "AppendJobEvents", job_id, e);
  } catch (const std::exception&) {  // nobody was refused
  }
}

}  // namespace domed

#include "api/append.h"

#include "log/refusal.h"
#include "protocol/limits.h"
#include "protocol/request.h"

namespace domed {

void AppendMethods::append_job_events(Call call) {
  AppendRequest request = read_append(call.params);
  if (under_way_.fetch_add(1) >= most_) {
    --under_way_;
    throw busy("too many appends wait for the store", 20);
  }
  const auto reply = std::move(call.reply);
  call.reply = [this, reply](std::string text) {
    --under_way_;
    reply(std::move(text));
  };
  if (!request.starts() && !request.ends()) return commit(std::move(call), std::move(request));
  collect(std::move(call), std::make_shared<AppendRequest>(std::move(request)), false);
}

void AppendMethods::collect(Call call, RequestPtr request, bool last_chance) {
  collecting_.run(
      [this, call, request, last_chance] {
        try {
          if (!add_provenance(*request, last_chance)) return await_turn(call, request);
        } catch (...) {
          return call.error(std::current_exception());
        }
        commit(call, std::move(*request));
      },
      [call] { call.error(stopping_error()); });
}

// What is known of the sources stands in the log before the state it explains.  False:
// a batch before this one is still on its way.
bool AppendMethods::add_provenance(AppendRequest& request, bool last_chance) const {
  const auto record = store_.find(request.job_id);
  if (!record || record->tombstone || !record->columns.unfinished) return true;
  JobFixed fixed = fixed_of(*record);
  Batch& batch = request.batch;
  if (batch.producer_token != fixed.producer_token) return true;  // will be refused
  const std::uint64_t last = head_of(*record).last_batch(batch.producer_id);
  if (!last_chance && batch.number > last + 1 && batch.number <= last + limits::kBatchesAhead)
    return false;
  if (request.starts() && fixed.provenance.empty())
    batch.provenance = fixed.provenance = provenance_.collect(fixed, scheduler_.working_dir(fixed));
  if (request.ends() && fixed.provenance_end.empty())
    batch.provenance_end = provenance_.collect_end(fixed, scheduler_.working_dir(fixed));
  return true;
}

void AppendMethods::await_turn(Call call, RequestPtr request) {
  Journal::Command command;
  command.job_id = request->job_id;
  command.bytes = call.params.size();
  command.apply = [request](JobLog& log, bool last_chance) {
    const Batch& batch = request->batch;
    return last_chance || batch.number <= log.head().last_batch(batch.producer_id) + 1;
  };
  command.done = [this, call, request](std::exception_ptr e) {
    if (e) return call.error(e);
    collect(call, request, true);
  };
  journal_.submit(std::move(command));
}

void AppendMethods::commit(Call call, AppendRequest request) {
  auto result = std::make_shared<AppendResult>();
  auto batch = std::make_shared<Batch>(std::move(request.batch));
  Journal::Command command;
  command.job_id = request.job_id;
  command.bytes = call.params.size() * 4;  // as events it takes about so much
  call.params = {};                        // read, and not to be kept as long as the commit takes
  command.apply = [batch, result](JobLog& log, bool last_chance) {
    return log.append(*batch, last_chance, *result);
  };
  command.done = [call, result](std::exception_ptr e) {
    if (e) return call.error(e);
    const OrderedJson out{{"first_seq", result->first_seq},
                          {"head_seq", result->head_seq},
                          {"state", state_name(result->state)},
                          {"replayed", result->replayed},
                          {"cancel_requested", result->cancel_requested}};
    call.result(out.dump());
  };
  try {
    journal_.submit_or_commit(std::move(command));
  } catch (...) {
    call.error(std::current_exception());
  }
}

}  // namespace domed

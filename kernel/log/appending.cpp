// The part of JobLog that takes producers' batches.
#include <algorithm>

#include "log/job_log.h"
#include "log/masking.h"
#include "log/refusal.h"
#include "log/token.h"
#include "protocol/api_error.h"
#include "protocol/limits.h"

namespace domed {

// `IdempotentAppend`: the order of the checks is the contract's.  The token first, so that a
// stranger learns nothing.  A replay before the seal and the transition, for the producer of a
// log's last batch may not have heard that it was taken, and its events have made that transition
// already. Checks and change are one command of the journal: a refused batch appends nothing, and
// its number stays free.
bool JobLog::append(const Batch& batch, bool last_chance, AppendResult& result) {
  must_exist();
  authorize(batch);
  must_be_here(batch);
  const bool expires = head_.external && fixed_.expires().count() > 0;
  const bool is_run =
      !batch.taken_at.empty() && !head_.external && is_token(head_.run_token, batch.producer_token);
  result = {head_.head_seq + 1,          head_.head_seq,    head_.state, false,
            head_.cancel_requested != 0, head_.is_paused(), expires,     is_run};
  if (batch.number == 0) {
    if (expires) keep_heard(batch);
    come_to_watch(batch);
    return true;
  }
  const ProducerState* known = known_producer(batch.producer_id);
  const std::uint64_t last = known ? known->last_batch : 0;
  if (batch.number <= last) {
    result = replay(batch, *known);
    result.expires = expires, result.is_run = is_run;
    come_to_watch(batch);
    return true;
  }
  if (batch.number > last + 1) {
    if (!last_chance && batch.number <= last + limits::kBatchesAhead) return false;
    throw ApiError("E_BATCH_GAP", "batch " + std::to_string(last + 1) + " is missing",
                   {{"expected", last + 1}});
  }
  if (is_terminal(head_.state))
    throw ApiError("E_SEALED",
                   "job '" + job_id_ + "' is " + std::string(state_name(head_.state)) +
                       ": nothing can be appended",
                   {{"state", state_name(head_.state)}, {"head", head_.head_seq}});
  check_transitions(batch);
  come_to_watch(batch);
  apply(batch);
  result.head_seq = head_.head_seq;
  result.state = head_.state;
  result.paused = head_.is_paused();
  return true;
}

// A running command has a token of its own, which does not allow what is the runner's to say.
void JobLog::authorize(const Batch& batch) const {
  if (batch.is_of_run || is_token(head_.run_token, batch.producer_token)) return;
  if (!is_token(head_.job_token, batch.producer_token))
    throw ApiError("E_UNAUTHORIZED", "producer_token is not that of job '" + job_id_ + "'");
  for (const auto& event : batch.events)
    if (event.type == "state_change" || event.type == "log" || event.type == "stream_end")
      throw ApiError("E_UNAUTHORIZED",
                     "a job's own token does not allow '" + event.type + "' events");
}

// `OwnOnly`: a run that has not begun is its node's alone, which looks at what it is made from; and
// one that goes on lives by the lease of the node that it asks.
void JobLog::must_be_here(const Batch& batch) const {
  if (batch.taken_at.empty() || batch.is_of_run || head_.external ||
      !is_token(head_.run_token, batch.producer_token))
    return;
  if (head_.state == State::queued && head_.node != batch.taken_at)
    throw elsewhere(job_id_, head_.node);
  if (batch.must_watch && !batch.may_watch)
    throw busy("the lease of this node is over: it watches no other run until it is renewed", 500);
}

// `OwnOnly`, step "watch": in the commit by which the run is answered, so that it is told how long
// only when the record says by whose lease.
void JobLog::come_to_watch(const Batch& batch) {
  if (!batch.must_watch || !is_token(head_.run_token, batch.producer_token)) return;
  head_.watcher = batch.taken_at;
  head_changed_ = true;
}

// For the other nodes, who see no poll: now and then in the record, without an event.
void JobLog::keep_heard(const Batch& batch) {
  if (batch.taken_at.empty() || is_terminal(head_.state)) return;
  const std::int64_t now = environment_->now();
  const auto often = std::chrono::duration_cast<std::chrono::microseconds>(fixed_.expires()) / 4;
  if (now >= head_.heard && now - head_.heard < often.count()) return;
  head_.heard = now;
  head_changed_ = true;
}

const ProducerState* JobLog::known_producer(const std::string& id) const {
  for (const auto& producer : head_.producers)
    if (producer.id == id) return &producer;
  return nullptr;
}

// What the batch was answered first, from the record: it outlives the daemon.
AppendResult JobLog::replay(const Batch& batch, const ProducerState& producer) const {
  const std::uint64_t age = producer.last_batch - batch.number;
  if (age >= producer.outcomes.size())
    throw ApiError("E_INVALID_REQUEST", "batch " + std::to_string(batch.number) +
                                            " is too old: only the last " +
                                            std::to_string(limits::kKeptOutcomes) + " are kept");
  const BatchOutcome& first = producer.outcomes[producer.outcomes.size() - 1 - age];
  if (first.content != batch.content)
    throw ApiError("E_BATCH_MISMATCH", "batch " + std::to_string(batch.number) +
                                           " was accepted before with other content");
  return {first.first_seq,  first.head_seq, first.state, true, head_.cancel_requested != 0,
          head_.is_paused()};
}

// `Forward` and `TerminalLast` within the batch.
void JobLog::check_transitions(const Batch& batch) const {
  State state = head_.state;
  for (const auto& event : batch.events) {
    if (is_terminal(state))
      throw ApiError("E_INVALID_TRANSITION",
                     "an event follows the terminal one: the terminal state is a log's last event");
    if (event.to) {
      refuse_transition(state, *event.to);
      if (event.to == State::running && !head_.external && !batch.may_begin)
        throw busy("the lease of this node is over: it begins nothing until it is renewed", 500);
      if (event.to == State::running && !head_.has_provenance && batch.provenance.empty())
        throw ApiError("E_INTERNAL", "what the run of job '" + job_id_ +
                                         "' is made from was not looked at before it started");
      state = *event.to;
    } else if (state == State::queued) {
      throw ApiError("E_INVALID_TRANSITION",
                     "job '" + job_id_ + "' is queued: report state_change to running first");
    }
  }
}

// Of a run's own output its runner has masked what it had to, over all borders of chunks; what a
// command appends by itself, and what an external job's producer does, comes here as it is.
// Nothing is copied where nothing has to be masked, which is nearly always.
std::optional<std::vector<Event>> JobLog::masked(const Batch& batch) {
  if (batch.is_of_run) return std::nullopt;
  if (masked_for_ != batch.producer_token) {
    masks_ = Masks(secrets_of(fixed_, batch.producer_token), {});
    masked_for_ = batch.producer_token;
  }
  if (!masks_.spare(batch.producer_id))
    invalid_request("'producer_id' has a secret of the job in it");
  const bool by_runner = !head_.external && is_token(head_.run_token, batch.producer_token);
  const auto is_fine = [&](const Event& event) {
    return (by_runner && event.type == "log") ||
           (is_clean(event, masks_) && (!batch.masks || is_clean(event, *batch.masks)));
  };
  if (std::all_of(batch.events.begin(), batch.events.end(), is_fine)) return std::nullopt;
  std::vector<Event> events = batch.events;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (is_fine(events[i])) continue;
    const std::string where = "events[" + std::to_string(i) + "]: ";
    mask(events[i], masks_, where, head_.masked);
    if (batch.masks) mask(events[i], *batch.masks, where, head_.masked);
  }
  return events;
}

// `StateIsEvents`: what was collected of the sources comes before the state that it explains, and
// in one commit with it.  Where an earlier release committed it with the job still queued, it
// stands.
void JobLog::apply(const Batch& batch) {
  const auto changed = masked(batch);
  const std::vector<Event>& events = changed ? *changed : batch.events;
  const std::size_t before = lines_.size();
  const std::uint64_t first_seq = head_.head_seq + 1;
  // One time for all, so that what was decided of `t` holds for each.
  taken_ = time();
  const bool keeps_t = tells_another_time(events, *taken_);
  make_room(events, keeps_t);
  for (const auto& event : events) {
    const auto t = keeps_t ? event.t : std::nullopt;
    if (event.to == State::running && !head_.has_provenance && !batch.provenance.empty())
      add("provenance", batch.provenance);
    if (event.to && is_terminal(*event.to) && head_.has_provenance && !batch.provenance_end.empty())
      add("provenance_end", batch.provenance_end);
    if (event.to)
      change_state(event, t);
    else
      add(event, t);
  }
  taken_.reset();
  if (lines_.size() - before > limits::kBatchBytes)
    throw ApiError("E_TOO_LARGE", "a batch may come to " + std::to_string(limits::kBatchBytes) +
                                      " bytes of event lines: send smaller batches");
  // In the same entry as its events: the store has both, or neither.
  ProducerState& from = producer(batch.producer_id);
  from.last_batch = batch.number;
  from.outcomes.push_back({batch.number, first_seq, head_.head_seq, head_.state, batch.content});
  if (from.outcomes.size() > limits::kKeptOutcomes) from.outcomes.erase(from.outcomes.begin());
}

// The lines outlive the commit, in memory that followers are answered from: not with
// the half of it unused.
void JobLog::make_room(const std::vector<Event>& events, bool keeps_t) {
  std::size_t bytes = lines_.size();
  for (const auto& event : events) bytes += most_line_bytes(job_id_literal_, event, keeps_t);
  if (bytes > lines_.capacity()) lines_.reserve(bytes);
}

ProducerState& JobLog::producer(const std::string& id) {
  for (auto& producer : head_.producers)
    if (producer.id == id) return producer;
  if (head_.producers.size() == limits::kProducers)
    throw ApiError("E_TOO_LARGE", "job '" + job_id_ + "' has its " +
                                      std::to_string(limits::kProducers) + " producers already");
  head_.producers.push_back({id, 0, {}});
  return head_.producers.back();
}

}  // namespace domed

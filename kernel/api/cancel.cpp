#include "api/cancel.h"

#include "api/change.h"
#include "api/permission.h"
#include "base/words.h"
#include "log/retry.h"
#include "protocol/limits.h"
#include "protocol/request.h"

namespace domed {
namespace {

// What a cancel found, and made of it.
struct Canceled {
  State before = State::queued, after = State::queued;
  bool next = false;  // it had failed and is tried again

  OrderedJson json() const {
    return {{"state", state_name(after)}, {"already_terminal", is_terminal(before)}};
  }
};

// `Cancel`: if the job ended by itself first, that result stands. What is left to end is the
// attempt that would follow it; of a job that this very cancel ends there is none.
Canceled cancel(JobLog& log, const std::string& reason) {
  Canceled out;
  out.before = log.head().state;
  log.request_cancel(reason);
  out.after = log.head().state;
  out.next = is_terminal(out.before) &&
             is_tried_again(log.head(), log.fixed(), out.after, log.head().reason);
  return out;
}

}  // namespace

void CancelMethods::cancel_job(Call call) {
  Params params(call.params);
  const std::string job_id = params.job_id();
  const std::string reason = params.text("reason", limits::kMessageBytes).value_or("");
  params.done();
  // Not by submit() of change.h, whose answer is made on the committing thread: this one may have
  // to wait for the commit of another job.
  const auto found = std::make_shared<Canceled>();
  Journal::Command command;
  command.job_id = job_id;
  command.from = call.sender();
  command.bytes = call.params.size();
  command.apply = [=](JobLog& log, bool) {
    must_own(*call.must_still_be_allowed(), log);
    *found = cancel(log, reason);
    return true;
  };
  command.done = [=, this](std::exception_ptr e) {
    if (e) return call.error(e);
    if (!found->next) return call.result(found->json().dump());
    // A part of the cancel, which was theirs to ask for when it was committed.
    workers_.run(
        [=, this] {
          try {
            OrderedJson out = found->json();
            out["retry"] = cancel_retry(job_id, reason);
            call.result(out.dump());
          } catch (...) {
            call.error(std::current_exception());
          }
        },
        [call] { call.error(stopping_error()); }, call.sender());
  };
  journal_.submit(std::move(command));
}

// "job_id" is over and was to be tried again: its newest attempt is told to end where it has not
// started.  One that runs is a job of its own, and is only named.
OrderedJson CancelMethods::cancel_retry(std::string job_id, const std::string& reason) {
  const std::string why = shortened(
      "the retry of job " + job_id + " was canceled" + (reason.empty() ? "" : ": " + reason),
      limits::kMessageBytes);
  // Down the chain, for the next attempt may have failed as well and have one of its own
  // (CancelRetry.TheNewestAttemptIsTheOneThatCounts).
  for (;;) {
    const JobRecord record = existing(store_, job_id);
    make_planned(record);
    job_id = retry_id(job_id);
    const auto next = store_.find(job_id);
    if (!next || next->tombstone)
      return {{"job_id", job_id}, {"state", "gone"}, {"canceled", false}};
    // Looked at where nothing can come in between: it may be starting.
    Canceled it;
    journal_.run(job_id, [&](JobLog& log) {
      it.before = it.after = log.head().state;
      if (it.before != State::running) it = cancel(log, why);
    });
    const bool canceled = it.before == State::queued && it.after == State::canceled;
    if (!it.next)
      return {{"job_id", job_id}, {"state", state_name(it.after)}, {"canceled", canceled}};
  }
}

// As the scheduler would: what needs the job has to hear of an end, so an attempt that is not to
// be started is made all the same.
void CancelMethods::make_planned(const JobRecord& record) {
  const JobHead head = head_of(record);
  if (!head.retry_at) return;
  Submission next = next_attempt(head, fixed_of(record));
  // The attempt first. A daemon that dies between the two finds `retry_at` as it was and makes the
  // same job again, which is then there already; the other way round it would never be made.
  next.fixed.run_id = environment_.random_id();
  journal_.run(next.fixed.job_id, [&](JobLog& log) { log.create(next); });
  journal_.run(record.job_id, [](JobLog& log) { log.retried(); });
}

void CancelMethods::turn(Call call, Act act, const char* word, bool value) {
  Params params(call.params);
  JobChange change;
  change.job_id = params.job_id();
  const std::string reason = params.text("reason", limits::kMessageBytes).value_or("");
  params.done();
  change.owned = true;
  change.apply = [=](JobLog& log, const Identity& who) {
    if (!value) must_be_let_run(who, log);
    (log.*act)(value, reason);
  };
  change.result = [=, job_id = change.job_id] {
    return OrderedJson{{"job_id", job_id}, {word, value}}.dump();
  };
  submit(journal_, std::move(call), std::move(change));
}

void CancelMethods::hold(Call call, bool held) {
  turn(std::move(call), &JobLog::hold, "held", held);
}

void CancelMethods::pause(Call call, bool paused) {
  turn(std::move(call), &JobLog::pause, "paused", paused);
}

}  // namespace domed

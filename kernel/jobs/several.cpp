// The part of Scheduler for a store that other nodes act on too.
#include "jobs/scheduler.h"
#include "jobs/shared_slots.h"
#include "jobs/whose.h"
#include "log/tags.h"

namespace domed {
namespace {

constexpr const char* kPassedOver = "jobs that nobody starts";
constexpr const char* kSlots = "slots of queues";

}  // namespace

// At the start: another node's, or our own; and later our own.  A limit may be new since it began.
void Scheduler::saw_unfinished(const std::string& job_id) {
  const auto record = context_.store.find(job_id);
  if (!record || record->tombstone) return;
  const Whose job = whose(head_of(*record), fixed_of(*record));
  others_.saw(job_id, record->revision, job);
  if (!job.is_assigned()) return;
  try {
    keep_slot(context_, *record);
  } catch (const Error& e) {
    context_.troubles.met(kSlots, "job " + job_id + " has none yet: " + e.what(),
                          Troubles::Clock::now());
  }
}

// What is told may be older than what is known here.  So it decides nothing that could not be
// decided again: the record is asked by whoever acts.
void Scheduler::changed_elsewhere(const JobRecord& record, const Commit& commit) {
  const std::string& id = commit.job_id;
  notice(commit);
  if (commit.gone) {
    others_.forget(id);
    return forget(id);
  }
  const JobHead head = head_of(record);
  others_.saw(id, record.revision, whose(head, fixed_of(record)));
  if (is_terminal(head.state) || head.external || head.importing) return;
  const bool is_own = head.node == config_.node;
  if (is_own && !locked([&] { return plan_.has_slot(id); }))
    workers_.run([this, id] { settle_own(id); });
  else if (!is_own && locked([&] { return plan_.has_runner(id); }))
    workers_.run([this, id] { look_at_run(id); });
}

void Scheduler::look_again() {
  const auto runners = locked([&] {
    plan_.look_again(passed_over_.ids());
    return plan_.pidfds();
  });
  for (const auto& runner : runners) workers_.run([this, id = runner.first] { look_at_run(id); });
  alarm_.ring();
}

// Since it has a runner its claim was committed: the record tells whether that was taken back.
void Scheduler::look_at_run(const std::string& job_id) try {
  const auto record = context_.store.find(job_id);
  if (record && !record->tombstone) {
    const JobHead head = head_of(*record);
    if (!is_terminal(head.state) && is_ours(context_, head)) return;
  }
  locked([&] { plan_.taken_away(job_id); });
  alarm_.ring();
} catch (const Error& e) {
  cannot(job_id, "looked at", e);
}

// A claim of our former life, which landed after this one looked through its jobs.
void Scheduler::settle_own(const std::string& job_id) {
  if (!locked([&] { return plan_.reserve(job_id); })) return;
  std::optional<Unfinished> job;
  try {
    job = take_over(context_, Runners(config_.runner), job_id);
  } catch (const std::exception& e) {
    cannot(job_id, "taken up", e);
  }
  const bool settles = job && job->what == Takeover::settle;
  locked([&] {
    if (settles)
      plan_.take_over(*job, Clock::now());
    else
      plan_.step_done(job_id, {StepOutcome::Next::line_up, {}}, Clock::now());
  });
  settles ? attempt(job_id, Step::settle) : alarm_.ring();
}

PassedOver::Told Scheduler::passed_over() const {
  if (!config_.lease) return {};
  return passed_over_.told(config_.lease->now());
}

// What cannot be given back now is freed by whoever looks next.
void Scheduler::give_back_slot(const std::string& job_id) try {
  const std::string queue = locked([&] { return plan_.queue_of(job_id); });
  if (!config_.lease || !context_.limit_of(queue)) return;
  const std::lock_guard look(slots_mutex_);
  auto holders = free_slots(context_, queue, job_id);
  locked([&] { plan_.saw_holders(queue, std::move(holders)); });
} catch (const std::exception& e) {
  context_.troubles.met(kSlots, "that of job " + job_id + " is not given back yet: " + e.what(),
                        Troubles::Clock::now());
}

// For whoever asks; where the store does not answer it was as it was last seen.
void Scheduler::look_at_slots_of(const std::string& queue) try {
  if (!config_.lease || !context_.limit_of(queue)) return;
  const std::lock_guard look(slots_mutex_);
  auto holders = slot_holders(context_, queue);
  locked([&] { plan_.saw_holders(queue, std::move(holders)); });
} catch (const Error&) {
}

// What was missed of others costs time until then: a slot that was given up without a job's end,
// and those that a dead node has left.  And what began here when its queue had no limit gets one.
void Scheduler::look_at_slots() try {
  const std::lock_guard look(slots_mutex_);
  auto holders = free_slots(context_);
  const auto without = locked([&] { return plan_.without_slot(holders); });
  for (const auto& id : without) saw_unfinished(id);
  if (!without.empty()) holders = free_slots(context_);
  context_.troubles.over(kSlots, Troubles::Clock::now());
  locked([&] { plan_.saw_holders(std::move(holders)); });
  alarm_.ring();
} catch (const std::exception& e) {
  context_.troubles.met(kSlots, std::string("they cannot be looked at: ") + e.what(),
                        Troubles::Clock::now());
}

// Once nothing is left to be taken from it, it is not among the nodes any more.
void Scheduler::let_go_of_forgotten() try {
  for (const auto& node : config_.lease->nodes()) {
    if (!node.words.forgotten) continue;
    ListQuery query;
    query.unfinished = true;
    query.tags = {tag("node", node.words.node)};
    query.limit = 1;
    if (context_.store.list(query).jobs.empty()) config_.lease->let_go(node.words.node);
  }
} catch (const Error& e) {
  context_.log(Level::warning, std::string("a node that was forgotten stays: ") + e.what());
}

void Scheduler::look_at_others() {
  if (stopping()) return;
  passed_over_.look(config_.lease->nodes(), *policy_.now(), config_.lease->times(),
                    config_.lease->now());
  const auto told = passed_over();
  told.jobs ? context_.troubles.met(kPassedOver, told.words(), Troubles::Clock::now())
            : context_.troubles.over(kPassedOver, Troubles::Clock::now());
  workers_.run([this] { look_at_slots(); });
  workers_.run([this] { let_go_of_forgotten(); });
  for (const auto& id : others_.due())
    workers_.run([this, id] {
      try {
        others_.take(id);
        could(id);
      } catch (const std::exception& e) {
        cannot(id, "taken from a dead node", e);
      }
    });
}

}  // namespace domed

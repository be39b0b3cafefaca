#include "jobs/launch.h"

#include <filesystem>

#include "jobs/lineup.h"
#include "jobs/shared_slots.h"
#include "jobs/whose.h"
#include "log/refusal.h"

namespace domed {
namespace {

// Empty where the job works elsewhere.
std::filesystem::path own_scratch(const RunSettings& settings, const JobFixed& job) {
  const auto scratch = scratch_dir(settings, job.job_id);
  return working_dir(settings, job) == scratch.string() ? scratch : std::filesystem::path();
}

// Each runner is a producer of its own: of two that meet in spite of all only one
// gets the job to `running`, and the other runs nothing.
Runner spawn(const JobsContext& context, const std::vector<std::string>& control,
             const JobFixed& job, const std::string& log_id, const std::string& token) {
  const auto present = context.settings.now();
  const RunSettings& settings = *present;
  const auto scratch = own_scratch(settings, job);
  if (!scratch.empty() && !std::filesystem::is_directory(std::filesystem::symlink_status(scratch)))
    throw Error(Code::unsupported, "its scratch directory " + scratch.string() +
                                       " cannot be made, or something else is in its place");
  RunDir dir(run_path(settings, job.run_id));
  dir.create(job.job_id, job.request.value("task", Json()));
  const bool durable = context.store.durability() != Durability::none;
  const NodeLease* const lease = context.config.lease;
  const RunIdentity identity{log_id,
                             context.environment.random_id(),
                             token,
                             control,
                             durable,
                             lease != nullptr,
                             lease ? lease->endpoints_of_others() : std::vector<std::string>()};
  const Json spec = run_spec(settings, job, identity);
  return spawn_runner(context.config.runner, dir, spec.dump());
}

// `OneOwner`: claimed by another node.  It comes back by a commit, if it does; that may have been
// told while it had a slot here, where nobody heeded it, so the record is asked once more.
bool is_anothers(const JobsContext& context, const JobHead& head) {
  return context.config.lease && !head.node.empty() && head.node != context.config.node;
}

// Throws ApiError(E_BUSY) while this node may claim nothing.  One that is ours already, by a claim
// of which no run came, is claimed anew: the former token is nobody's then.
bool may_claim_now(const JobsContext& context, const JobHead& head, const JobFixed& fixed) {
  if (!context.config.lease) return true;
  Whose job = whose(head, fixed);
  if (job.node == context.config.node) job.node.clear();
  if (!may_claim(job, Standing::fresh)) return false;
  if (head.node.empty() && context.config.lease->is_draining()) return false;
  if (may_claim(job, context.config.lease->standing())) return true;
  throw busy("the lease of this node is over: it begins nothing until it is renewed", 500);
}

}  // namespace

StepOutcome launch(const JobsContext& context, const std::vector<std::string>& control,
                   const std::string& job_id, const std::function<void(const JobFixed&)>& begins) {
  const auto record = context.store.find(job_id);
  if (!record || record->tombstone || record->columns.state != "queued") return {};
  const JobFixed fixed = fixed_of(*record);
  if (is_anothers(context, head_of(*record))) return {StepOutcome::Next::line_up, {}};
  const bool needs_slot = context.config.lease && context.limit_of(queue_name(fixed));
  if (needs_slot && (head_of(*record).held || !take_slot(context, *record)))
    return {StepOutcome::Next::line_up, {}};
  // After its limit was asked for: a queue that settings took away, and with it the limit, would
  // start all that waits.
  if (head_of(*record).node.empty() && context.passes_over(head_of(*record), fixed))
    return {StepOutcome::Next::line_up, {}};
  const RunSettings& settings = context.config.run;
  std::error_code ignored;  // spawn() looks whether it is there
  if (const auto scratch = own_scratch(settings, fixed); !scratch.empty())
    std::filesystem::create_directories(scratch, ignored);
  begins(fixed);
  // `OneOwner`: the claim, and the token with it.  A runner that an earlier start may have left is
  // nobody from here on; what ends the job from here on keeps ours from executing anything.
  const std::string token = context.environment.random_id();
  JobHead head;
  bool is_claimed = false;
  context.journal.run(job_id, [&](JobLog& log) {
    // A slot is for a claim on the record as it was read.
    const bool has_slot =
        !needs_slot || (!log.changed() && log.stored_revision() == record->revision);
    is_claimed = has_slot && !log.head().held && log.head().state == State::queued &&
                 may_claim_now(context, log.head(), log.fixed());
    if (is_claimed) log.assign(context.config.node, token);
    head = log.head();
  });
  if (head.state != State::queued) return {};  // canceled meanwhile
  // Held, another node's, or changed else.
  if (!is_claimed) return {StepOutcome::Next::line_up, {}};
  // Side by side with the runner's coming up, whose `running` waits for what is found.
  context.looks.begin(fixed);
  try {
    return {StepOutcome::Next::watch, spawn(context, control, fixed, head.log_id, token)};
  } catch (const Error& e) {
    context.looks.forget(job_id);
    if (e.code() == Code::exhausted) {  // no room, no process: it waits until there is
      context.journal.run(job_id, [&](JobLog& log) {
        if (is_still(context, head, log.head())) log.take_back();
      });
      throw;
    }
    context.log(Level::error, "job " + job_id + ": cannot be started: " + e.what());
    context.journal.run(job_id, [&](JobLog& log) {
      if (is_still(context, head, log.head())) log.finish(State::failed, "spawn_error", e.what());
    });
    return {};
  }
}

}  // namespace domed

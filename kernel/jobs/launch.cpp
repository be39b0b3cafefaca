#include "jobs/launch.h"

#include <filesystem>

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
             const JobFixed& job, const std::string& log_id,
             const std::function<void(const JobFixed&)>& begins) {
  const RunSettings& settings = context.config.run;
  const auto scratch = own_scratch(settings, job);
  if (!scratch.empty() && !std::filesystem::is_directory(std::filesystem::symlink_status(scratch)))
    throw Error(Code::unsupported, "its scratch directory " + scratch.string() +
                                       " cannot be made, or something else is in its place");
  RunDir dir(run_path(settings, job.run_id));
  dir.create(job.job_id, job.request.value("task", Json()));
  const bool durable = context.store.durability() != Durability::none;
  const Json spec =
      run_spec(settings, job, {log_id, context.environment.random_id(), control, durable});
  begins(job);
  return spawn_runner(context.config.runner, dir, spec.dump());
}

}  // namespace

Outcome launch(const JobsContext& context, const std::vector<std::string>& control,
               const std::string& job_id, const std::function<void(const JobFixed&)>& begins) {
  const auto record = context.store.find(job_id);
  if (!record || record->tombstone || record->columns.state != "queued") return {};
  const JobFixed fixed = fixed_of(*record);
  const RunSettings& settings = context.config.run;
  std::error_code ignored;  // spawn() looks whether it is there
  if (const auto scratch = own_scratch(settings, fixed); !scratch.empty())
    std::filesystem::create_directories(scratch, ignored);
  const std::string provenance = context.provenance.collect(fixed, working_dir(settings, fixed),
                                                            job_environment(settings, fixed));
  JobHead head;
  context.journal.run(job_id, [&](JobLog& log) {
    if (!log.head().held) log.set_provenance(provenance);
    head = log.head();
  });
  if (head.state != State::queued) return {};  // canceled meanwhile
  if (head.held) return {Outcome::Next::line_up, {}};
  try {
    return {Outcome::Next::watch, spawn(context, control, fixed, head.log_id, begins)};
  } catch (const Error& e) {
    context.log(Level::error, "job " + job_id + ": cannot be started: " + e.what());
    context.journal.run(job_id,
                        [&](JobLog& log) { log.finish(State::failed, "spawn_error", e.what()); });
    return {};
  }
}

}  // namespace domed

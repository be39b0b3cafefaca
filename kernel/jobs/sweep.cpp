#include "jobs/sweep.h"

#include <filesystem>
#include <optional>
#include <set>

#include "jobs/lineup.h"
#include "jobs/settle.h"
#include "jobs/whose.h"
#include "log/token.h"
#include "system/cgroup.h"

namespace domed {
namespace {

std::vector<std::filesystem::path> entries_of(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> out;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error))
    out.push_back(it->path());
  return out;
}

struct Readable {
  JobHead head;
  JobFixed fixed;
};

std::optional<Readable> readable(const JobRecord& record) try {
  return Readable{head_of(record), fixed_of(record)};
} catch (const Error&) {
  return std::nullopt;
}

// Of a run that no unfinished job has, and no runner.
void sweep_run(const JobsContext& context, const RunDir& dir, const std::string& job_id) {
  const std::string run_id = dir.path().filename();
  const auto record = job_id.empty() ? std::nullopt : context.store.find(job_id);
  const auto job = record && !record->tombstone ? readable(*record) : std::nullopt;
  const bool known = job && job->fixed.run_id == run_id;
  // `OwnOnly`: what was taken from us is another's, and not what is left of it here.
  const bool is_left = known && !is_ours(context, job->head);
  if (record && !is_over(*record) && (!job || known) && !is_left) return;
  const auto lock = dir.lock();  // against a runner that only begins
  kill_rest(context, job_id, run_id,
            known && !is_left ? run_token_of(job->head, job->fixed) : std::nullopt);
  RunDir(dir).remove();
}

// A store that forgets its jobs cannot say whose directories are left; only those
// whose runner still lives are in use.
void sweep_scratch(const RunSettings& settings, const std::set<std::string>& living) {
  std::set<std::filesystem::path> used;
  for (const auto& id : living) used.insert(scratch_dir(settings, id));
  std::error_code ignored;
  for (const auto& path : entries_of(settings.state_dir / "scratch"))
    if (!used.contains(path)) std::filesystem::remove_all(path, ignored);
}

void leave_alone(const JobsContext& context, const std::filesystem::path& path,
                 const std::exception& why) {
  context.log(Level::error, path.string() + " is left alone: " + why.what());
}

}  // namespace

std::vector<Stray> sweep(const JobsContext& context, const Runners& living,
                         const std::map<std::string, std::string>& runs) {
  std::vector<Stray> strays;
  std::set<std::string> jobs;  // whose runners live
  for (const auto& path : entries_of(context.config.run.state_dir / "runs")) try {
      const RunDir dir(path);
      if (const auto run = runs.find(path.filename()); run != runs.end()) {
        jobs.insert(run->second);
        continue;
      }
      const std::string job_id = dir.job_id();
      if (auto runners = living.of(dir); !runners.empty()) {
        jobs.insert(job_id);
        strays.push_back({dir, std::move(runners)});
      } else {
        sweep_run(context, dir, job_id);
      }
    } catch (const std::exception& e) {
      leave_alone(context, path, e);
    }
  if (context.store.durability() == Durability::none) sweep_scratch(context.config.run, jobs);
  return strays;
}

void end_stray(const JobsContext& context, Stray stray) try {
  const std::string run_id = stray.dir.path().filename();
  kill_run(stray.runners, Cgroup(cgroup_of(context.config.run, run_id)));
  kill_rest(context, stray.dir.job_id(), run_id, std::nullopt);
  stray.dir.remove();
} catch (const std::exception& e) {
  leave_alone(context, stray.dir.path(), e);
}

}  // namespace domed

#include "jobs/first_looks.h"

namespace domed {

// Who came by a network may be on this machine all the same, and its `cwd` be the name of another
// directory here: what is not known to be so is not looked at.
Site site_of(const RunSettings& settings, const JobFixed& job, Door door) {
  if (!job.external() || door == Door::ipc) {
    Site site(working_dir(settings, job));
    site.below = cwd_fence(job);
    return site;
  }
  if (door == Door::guest)
    return Site::unseen("its producer is no operator, and the daemon does not look for others");
  return Site::unseen(door == Door::network ? "the run is on another machine"
                                            : "its producer left before it was known where it is");
}

std::string FirstLooks::collect(const JobFixed& job, Door door) const {
  const auto settings = settings_.now();
  const CommandEnvironment environment =
      job.external() ? CommandEnvironment{} : job_environment(*settings, job);
  return provenance_.collect(job, site_of(*settings, job, door), environment);
}

std::string FirstLooks::take(Look& look, const JobFixed& job) const {
  const std::lock_guard lock(look.mutex);
  if (!look.found) look.found = collect(job, Door::ipc);
  return *look.found;
}

void FirstLooks::begin(const JobFixed& job) {
  const auto look = std::make_shared<Look>();
  {
    const std::lock_guard lock(mutex_);
    looks_[job.job_id] = look;
    has_looks_ = true;
  }
  workers_.run([this, look, job] {
    try {
      take(*look, job);
    } catch (const std::exception&) {  // who needs it looks again, and hears why
    }
  });
}

std::string FirstLooks::result(const JobFixed& job, Door door) {
  std::shared_ptr<Look> look;
  {
    const std::lock_guard lock(mutex_);
    const auto found = looks_.find(job.job_id);
    if (found != looks_.end()) look = found->second;
  }
  return look ? take(*look, job) : collect(job, door);
}

void FirstLooks::forget(const std::string& job_id) {
  if (!has_looks_) return;
  const std::lock_guard lock(mutex_);
  looks_.erase(job_id);
  has_looks_ = !looks_.empty();
}

}  // namespace domed

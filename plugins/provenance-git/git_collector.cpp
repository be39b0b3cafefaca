#include "git_collector.h"

#include <algorithm>
#include <cstdlib>

#include "examine.h"
#include "record.h"

namespace domed::git {
namespace {

std::string search_path() {
  // Once, at the start: the host's environment is not ours to read while threads run.
  const char* path = std::getenv("PATH");
  return path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
}

}  // namespace

GitCollector::GitCollector(const Options& options, Host& host)
    : timeout_(options.duration("timeout")),
      wishes_{.hash_diff = options.boolean("hash_diff"),
              .author_hash = options.boolean("author_hash"),
              .read_foreign = options.text("foreign_owner") == "read"},
      git_(options.text("git"), search_path()) {
  const std::string problem = git_.problem(Deadline(timeout_));
  // A daemon without git starts all the same: each record then says why it tells nothing, and git
  // may be installed while it runs.
  if (!problem.empty()) host.log(Level::warning, problem);
}

std::string GitCollector::collect(const CollectRequest& request) {
  const Deadline deadline(request.budget.count() > 0 ? std::min(request.budget, timeout_)
                                                     : timeout_);
  const std::string problem = git_.problem(deadline);
  if (!problem.empty()) return to_unknown_record(problem, git_.version());
  return to_record(examine(git_, request.cwd, wishes_, deadline), git_.version());
}

}  // namespace domed::git

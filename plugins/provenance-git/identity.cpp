#include "identity.h"

#include <sys/stat.h>
#include <unistd.h>

#include "domed/error.h"
#include "remote.h"

namespace domed::git {
namespace {

// Each is switched off by four settings, which go into the environment of each call.
constexpr std::size_t kMaxFilters = 64;

bool is_foreign(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && info.st_uid != ::geteuid();
}

void take_head(const Repository& repository, Findings& findings) {
  findings.commit = repository.commit;
  findings.tree = repository.tree;
  findings.ref = repository.ref;
  const auto flag = [&](bool set, const char* name) {
    if (set) findings.flags.insert(name);
  };
  // Only in the record: the ref itself stays "HEAD", by which choose_remote() knows it.
  flag(repository.ref.value == "HEAD", "detached");
  if (repository.ref.value == "HEAD") findings.ref = Known<std::string>::of("detached");
  flag(repository.bare, "bare");
  flag(repository.shallow, "shallow");
  flag(repository.unborn, "unborn");
  flag(repository.git_dir != repository.common_dir, "worktree");
  flag(is_foreign(repository.git_dir), "foreign-owner");
}

// Without its configuration a repository's filters are not known, so that they cannot be
// switched off: status and diff would run programs of its choice.  What HEAD says stands.
std::string take_config(Inquiry& inquiry) {
  Findings& findings = inquiry.findings;
  try {
    inquiry.config = read_config(inquiry.git, inquiry.repository, inquiry.deadline);
  } catch (const Error& error) {
    findings.flags_reason = error.what();
    findings.remote = Known<std::string>::not_known(error.what());
    return error.what();
  }
  const Config& config = inquiry.config;
  findings.remote = choose_remote(inquiry.repository, config);
  if (config.sparse) findings.flags.insert("sparse");
  if (config.partial) findings.flags.insert("partial-clone");
  if (config.filters.size() <= kMaxFilters) return {};
  return "the repository defines " + std::to_string(config.filters.size()) +
         " filter drivers; at most 64 are switched off";
}

// By its remote, which is the same wherever it was cloned to; a directory's name is anybody's.
void take_name(const Repository& repository, Findings& findings) {
  std::string name = repo_name(findings.remote.value.value_or(""));
  if (name.empty()) name = repo_name(repository.top.empty() ? repository.git_dir : repository.top);
  findings.name = name.empty() ? Known<std::string>::not_known("its directory has no name")
                               : Known<std::string>::of(name);
  const std::string inside = below_top(repository);
  findings.subdirectory = repository.no_tree.empty()
                              ? Known<std::string>::of(inside.empty() ? "." : inside)
                              : Known<std::string>::not_known(repository.no_tree);
}

}  // namespace

std::string below_top(const Repository& repository) {
  const std::string& top = repository.top;
  if (top.empty() || repository.directory == top) return {};
  return repository.directory.substr(top == "/" ? 1 : top.size() + 1);
}

std::string find_identity(Inquiry& inquiry) {
  take_head(inquiry.repository, inquiry.findings);
  const std::string unsafe = take_config(inquiry);  // finds the remote, which gives the name
  take_name(inquiry.repository, inquiry.findings);
  return inquiry.repository.no_tree.empty() ? unsafe : inquiry.repository.no_tree;
}

}  // namespace domed::git

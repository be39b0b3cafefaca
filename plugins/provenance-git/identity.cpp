#include "identity.h"

#include <sys/stat.h>
#include <unistd.h>

#include "domed/error.h"
#include "remote.h"

namespace domed::git {
namespace {

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
  flag(repository.place.linked(), "worktree");
  flag(repository.place.foreign || is_foreign(repository.place.git_dir), "foreign-owner");
}

void take_config(Inquiry& inquiry) {
  Findings& findings = inquiry.findings;
  findings.remote = choose_remote(inquiry.repository);
  if (inquiry.repository.config.sparse) findings.flags.insert("sparse");
  if (inquiry.repository.config.partial) findings.flags.insert("partial-clone");
}

// Without what it is compared by, a working tree must not be looked at: all of it would differ.
std::string take_index(const Inquiry& inquiry) {
  if (!inquiry.repository.no_tree.empty()) return inquiry.repository.no_tree;
  try {
    inquiry.repository.view->put_index(inquiry.repository.place);
    return {};
  } catch (const Error& error) {
    return error.what();
  }
}

// By its remote, which is the same wherever it was cloned to; a directory's name is anybody's.
void take_name(const Repository& repository, Findings& findings) {
  std::string name = repo_name(findings.remote.value.value_or(""));
  if (name.empty()) name = repo_name(repository.top.empty() ? repository.place.git_dir : repository.top);
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
  const std::string& directory = repository.place.directory;
  if (top.empty() || directory == top) return {};
  return directory.substr(top == "/" ? 1 : top.size() + 1);
}

std::string find_identity(Inquiry& inquiry) {
  take_head(inquiry.repository, inquiry.findings);
  take_config(inquiry);  // finds the remote, which gives the name
  take_name(inquiry.repository, inquiry.findings);
  return take_index(inquiry);
}

}  // namespace domed::git

#include "repository.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "domed/error.h"
#include "remote.h"

namespace domed::git {
namespace {

constexpr std::size_t kMaxConfig = 4 << 20;

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  return real ? real.get() : "";
}

std::string existing_directory(const std::string& path) {
  if (path.empty()) throw Error(Code::not_found, "the job named no working directory");
  const std::string subject = "the working directory " + path;
  struct stat info;
  if (::stat(path.c_str(), &info) != 0) {
    throw Error(Code::not_found, errno == ENOENT ? subject + " does not exist"
                                                 : subject + ": " + std::strerror(errno));
  }
  if (!S_ISDIR(info.st_mode)) throw Error(Code::not_found, subject + " is not a directory");
  const std::string real = real_path(path);
  if (real.empty()) throw Error(Code::io, subject + ": " + std::strerror(errno));
  if (::access(real.c_str(), X_OK) != 0) {
    throw Error(Code::io, subject + " cannot be entered: " + std::strerror(errno));
  }
  return real;
}

// The nearest directory at or above "directory", on the same file system, with
// an entry ".git"; empty: none.
std::string nearest_dot_git(std::string directory) {
  struct stat start, here, entry;
  if (::stat(directory.c_str(), &start) != 0) return {};
  // Up to the border of the file system, as git goes without GIT_DISCOVERY_ACROSS_FILESYSTEM.
  while (true) {
    if (::stat(directory.c_str(), &here) != 0 || here.st_dev != start.st_dev) return {};
    const std::string base = directory == "/" ? "" : directory;
    if (::lstat((base + "/.git").c_str(), &entry) == 0) return directory;
    if (directory == "/") return {};
    directory.resize(std::max<std::size_t>(directory.rfind('/'), 1));
  }
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

bool is_object_id(const std::string& text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Finds out the parts of a Repository, with one git process in the usual case.
class Opening {
 public:
  Opening(const Git& git, const std::string& directory, const Deadline& deadline)
      : git_(git), deadline_(deadline) {
    found_.directory = existing_directory(directory);
    dot_git_ = nearest_dot_git(found_.directory);
  }

  Repository operator()();

 private:
  Outcome ask(std::vector<std::string> words) const {
    words.insert(words.begin(), "rev-parse");
    return git_.call({.arguments = std::move(words), .directory = found_.directory}, deadline_);
  }
  [[noreturn]] void refuse(const Outcome& outcome) const;
  void take_place(const std::vector<std::string>& lines);
  void take_head(const std::vector<std::string>& lines);
  void explain_head(const Outcome& outcome);
  bool is_unborn(const std::string& ref) const;
  void take_top(const std::vector<std::string>& lines);

  const Git& git_;
  const Deadline& deadline_;
  Repository found_;
  std::string dot_git_;
};

// The order matters: rev-parse stops at the first word it cannot answer, HEAD
// without a commit or a top-level directory in a bare repository.
Repository Opening::operator()() {
  const Outcome outcome =
      ask({"--path-format=absolute", "--is-bare-repository", "--is-inside-work-tree",
           "--is-shallow-repository", "--absolute-git-dir", "--git-common-dir", "HEAD^{commit}",
           "HEAD^{tree}", "--symbolic-full-name", "HEAD", "--show-toplevel"});
  const std::vector<std::string> lines = lines_of(outcome.out);
  if (!outcome.error.empty() || outcome.timed_out || outcome.signal != 0 || lines.size() < 5) {
    refuse(outcome);
  }
  take_place(lines);
  if (lines.size() >= 8 && is_object_id(lines[5]) && is_object_id(lines[6])) {
    take_head(lines);
    take_top({lines.begin() + 8, lines.end()});
  } else {
    explain_head(outcome);
    take_top(lines_of(ask({"--show-toplevel"}).out));
  }
  return std::move(found_);
}

void Opening::refuse(const Outcome& outcome) const {
  const bool stranger = outcome.err.find("not a git repository") != std::string::npos &&
                        !outcome.timed_out && outcome.error.empty();
  if (!stranger) throw Error(Code::io, git_.reason("rev-parse", outcome, deadline_));
  if (dot_git_.empty()) {
    throw Error(Code::not_found, "not a repository: there is no .git in " + found_.directory +
                                     " or above it on its file system");
  }
  throw Error(Code::corruption, "the repository is corrupt: there is a .git in " + dot_git_ +
                                    ", but git does not accept it");
}

void Opening::take_place(const std::vector<std::string>& lines) {
  found_.bare = lines[0] == "true";
  found_.shallow = lines[2] == "true";
  found_.git_dir = lines[3];
  found_.common_dir = lines[4];
  // A line break in a path shifts everything after it.
  if (!found_.git_dir.starts_with('/') || !found_.common_dir.starts_with('/')) {
    throw Error(Code::unsupported, "the repository's path holds a line break");
  }
}

void Opening::take_head(const std::vector<std::string>& lines) {
  found_.commit = Known<std::string>::of(lines[5]);
  found_.tree = Known<std::string>::of(lines[6]);
  found_.ref = Known<std::string>::of(lines[7]);
}

void Opening::explain_head(const Outcome& outcome) {
  const Outcome symbolic = git_.call(
      {.arguments = {"symbolic-ref", "-q", "HEAD"}, .directory = found_.directory}, deadline_);
  const std::vector<std::string> lines = lines_of(symbolic.out);
  std::string reason = "the repository is corrupt: HEAD names no readable commit";
  if (outcome.timed_out || symbolic.timed_out) reason = deadline_.text();
  found_.ref = Known<std::string>::not_known(reason);
  if (symbolic.ok() && lines.size() == 1) {
    found_.ref = Known<std::string>::of(lines[0]);
    found_.unborn = is_unborn(lines[0]);
    reason = found_.unborn
                 ? "there is no commit yet on " + lines[0]
                 : "the repository is corrupt: " + lines[0] + " does not name a readable commit";
  }
  found_.commit = found_.tree = Known<std::string>::not_known(reason);
}

// A ref that is there but names nothing readable is damage, not a beginning.
bool Opening::is_unborn(const std::string& ref) const {
  struct stat info;
  if (::lstat((found_.common_dir + "/" + ref).c_str(), &info) == 0) return S_ISDIR(info.st_mode);
  const Outcome verify = ask({"--verify", "--quiet", "HEAD"});
  return verify.error.empty() && verify.exit_status == 1;
}

void Opening::take_top(const std::vector<std::string>& lines) {
  if (found_.bare) {
    found_.no_tree = "a bare repository has no working tree";
    return;
  }
  if (lines.empty()) {
    found_.no_tree = deadline_.passed() ? deadline_.text()
                                        : "the working directory is inside the repository's own "
                                          "directory " +
                                              found_.git_dir;
    return;
  }
  if (lines.size() != 1) {
    throw Error(Code::unsupported, "the repository's path holds a line break");
  }
  if (dot_git_.empty() || real_path(lines[0]) != dot_git_) {
    throw Error(Code::unsupported, "git refused: the repository's working tree is " + lines[0] +
                                       ", not " + (dot_git_.empty() ? found_.directory : dot_git_) +
                                       "; core.worktree or a damaged .git points elsewhere");
  }
  found_.top = dot_git_;
}

std::string list_config(const Git& git, const Repository& repository, const char* includes,
                        const Deadline& deadline) {
  const Outcome outcome = git.call({.arguments = {"config", "--list", "-z", includes},
                                    .directory = repository.directory,
                                    .max_out = kMaxConfig},
                                   deadline);
  if (!outcome.ok()) throw Error(Code::io, git.reason("config", outcome, deadline));
  return outcome.out;
}

}  // namespace

Repository open_repository(const Git& git, const std::string& directory, const Deadline& deadline) {
  return Opening(git, directory, deadline)();
}

// An included file may define filters too; but its remotes are not this
// repository's, and may be lines of any file that the daemon can read.
Config read_config(const Git& git, const Repository& repository, const Deadline& deadline) {
  Config config = parse_config(list_config(git, repository, "--no-includes", deadline));
  if (!config.includes) return config;
  Config all = parse_config(list_config(git, repository, "--includes", deadline));
  all.remotes = std::move(config.remotes);
  all.branch_remotes = std::move(config.branch_remotes);
  return all;
}

Known<std::string> choose_remote(const Repository& repository, const Config& config) {
  using Url = Known<std::string>;
  if (config.remotes.empty()) return Url::not_known("the repository has no remote");
  auto chosen = config.remotes.end();
  static constexpr std::string_view kBranches = "refs/heads/";
  if (const auto& ref = repository.ref.value; ref && ref->starts_with(kBranches)) {
    const auto branch = config.branch_remotes.find(ref->substr(kBranches.size()));
    if (branch != config.branch_remotes.end()) chosen = config.remotes.find(branch->second);
  }
  if (chosen == config.remotes.end()) chosen = config.remotes.find("origin");
  if (chosen == config.remotes.end() && config.remotes.size() == 1) chosen = config.remotes.begin();
  if (chosen == config.remotes.end()) {
    return Url::not_known("of several remotes none is 'origin' or followed by the branch");
  }
  const Remote remote = normalise_remote(chosen->second);
  return remote.url.empty() ? Url::not_known(remote.reason) : Url::of(remote.url);
}

}  // namespace domed::git

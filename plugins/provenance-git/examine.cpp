#include "examine.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <memory>

#include "domed/support/hash.h"
#include "domed/error.h"
#include "listing.h"
#include "remote.h"
#include "repository.h"

namespace domed::git {
namespace {

// As the kernel writes times: RFC 3339 with microseconds, of which git knows none.
std::string utc(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[40];
  return {text, std::strftime(text, sizeof text, "%FT%T.000000Z", &parts)};
}

using Text = Known<std::string>;
using Count = Known<std::uint64_t>;
using Submodules = Known<std::vector<SubmoduleState>>;
using NoSubmodules = std::vector<SubmoduleState>;

constexpr std::size_t kMaxFilters = 64;
constexpr std::size_t kMaxIndexListing = std::size_t{1} << 30;
constexpr std::size_t kMaxStatus = 16 << 20;
constexpr std::size_t kMaxCommit = 256 << 10;
constexpr std::int64_t kLastSecond = 253402300799;  // of the year 9999
constexpr std::size_t kMaxDiff = std::size_t{1} << 30;
constexpr std::size_t kMaxPathBytes = 64 << 10;  // handed to one process

// Why a field cannot be told, although git answered.
class Doubt {
 public:
  void add(const std::string& reason) { text_ += (text_.empty() ? "" : "; ") + reason; }
  bool none() const { return text_.empty(); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

bool exists(const std::string& path) {
  struct stat info;
  return ::lstat(path.c_str(), &info) == 0;
}

bool is_foreign(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && info.st_uid != ::geteuid();
}

bool is_plain_path(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  return real && path == real.get();
}

bool is_empty_or_absent(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> listing(::opendir(path.c_str()), ::closedir);
  if (!listing) return !exists(path);
  while (const dirent* entry = ::readdir(listing.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") return false;
  }
  return true;
}

// What one call of examine() and those it makes for submodules have in common.
struct Context {
  const Git& git;
  const Deadline& deadline;
  Wishes wishes;
  std::size_t submodules = 0;  // examined so far
};

class Examination {
 public:
  explicit Examination(Context& context) : context_(context) {}

  // "only_top": "directory" must be the top-level directory itself.
  Findings operator()(const std::string& directory, bool only_top);

 private:
  Outcome call(Call call) const { return context_.git.call(call, context_.deadline); }
  std::string reason(const char* what, const Outcome& outcome) const {
    return context_.git.reason(what, outcome, context_.deadline);
  }
  enum class Differences { all, declared };  // declared: those that the repository minds
  std::vector<Setting> settings(Differences which) const;
  Outcome ask_status(Differences which) const;

  void take_head();
  void take_repo();
  void take_config();
  void take_tree();
  void read_index();
  void check_index(const IndexListing& listing);
  void read_submodules(const IndexListing& listing);
  void add_submodule(const Gitlink& link, std::vector<SubmoduleState>& out);
  SubmoduleState ask_submodule(const Gitlink& link, std::vector<SubmoduleState>& inner);
  void read_status();
  void check_changes();
  Status minded();
  void take_commit();
  void take_description();
  std::vector<std::string> filtered(const std::vector<Change>& changes);
  void count_submodules();
  void conclude();
  void hash_changes();
  std::string below_top() const;
  void nothing_of_tree(const std::string& reason);
  void doubt(const std::string& why, bool of_diff_too = true);

  Context& context_;
  Repository repository_;
  Config config_;
  std::string unsafe_;  // why status and diff are not run
  Findings findings_;

  Status status_;
  bool certainly_dirty_ = false;
  Doubt dirty_doubt_, count_doubt_, diff_doubt_;
};

Findings Examination::operator()(const std::string& directory, bool only_top) {
  try {
    repository_ = open_repository(context_.git, directory, context_.deadline);
  } catch (const Error& error) {
    findings_.problem = error.what();
    return std::move(findings_);
  }
  if (only_top && repository_.top != directory) {
    findings_.problem = "it belongs to another repository, " + repository_.git_dir;
    return std::move(findings_);
  }
  take_head();
  take_config();
  take_repo();
  if (!repository_.no_tree.empty()) {
    nothing_of_tree(repository_.no_tree);
  } else {
    take_tree();
  }
  if (!only_top) take_commit();
  return std::move(findings_);
}

void Examination::take_head() {
  findings_.commit = repository_.commit;
  findings_.tree = repository_.tree;
  findings_.ref = repository_.ref;
  const auto flag = [this](bool set, const char* name) {
    if (set) findings_.flags.insert(name);
  };
  flag(repository_.ref.value == "HEAD", "detached");
  if (repository_.ref.value == "HEAD") findings_.ref = Text::of("detached");
  flag(repository_.bare, "bare");
  flag(repository_.shallow, "shallow");
  flag(repository_.unborn, "unborn");
  flag(repository_.git_dir != repository_.common_dir, "worktree");
  flag(is_foreign(repository_.git_dir), "foreign-owner");
}

void Examination::take_config() {
  try {
    config_ = read_config(context_.git, repository_, context_.deadline);
  } catch (const Error& error) {
    unsafe_ = findings_.flags_reason = error.what();
    findings_.remote = Text::not_known(unsafe_);
    return;
  }
  findings_.remote = choose_remote(repository_, config_);
  if (config_.sparse) findings_.flags.insert("sparse");
  if (config_.partial) findings_.flags.insert("partial-clone");
  if (config_.filters.size() > kMaxFilters) {
    unsafe_ = "the repository defines " + std::to_string(config_.filters.size()) +
              " filter drivers; at most 64 are switched off";
  }
}

void Examination::take_repo() {
  std::string name = repo_name(findings_.remote.value.value_or(""));
  if (name.empty()) {
    name = repo_name(repository_.top.empty() ? repository_.git_dir : repository_.top);
  }
  findings_.name = name.empty() ? Text::not_known("its directory has no name") : Text::of(name);
  const std::string inside = below_top();
  findings_.subdirectory = repository_.no_tree.empty() ? Text::of(inside.empty() ? "." : inside)
                                                       : Text::not_known(repository_.no_tree);
}

void Examination::nothing_of_tree(const std::string& reason) {
  findings_.dirty = Known<bool>::not_known(reason);
  findings_.changed = findings_.untracked = Count::not_known(reason);
  findings_.diff = Text::not_known(reason);
  findings_.submodules = Submodules::not_known(reason);
}

void Examination::take_tree() {
  if (!unsafe_.empty()) return nothing_of_tree(unsafe_);
  read_index();
  read_status();
}

// Beyond those of every call: filters off; paths marked skip-worktree that are
// there nevertheless treated as any other; and modes, the case of names and
// symbolic links compared, whether or not the repository declares that they mean
// nothing here.
std::vector<Setting> Examination::settings(Differences which) const {
  const bool all = which == Differences::all;
  const auto word = [](bool value) { return value ? "true" : "false"; };
  std::vector<Setting> out = blank_filters(config_.filters);
  out.push_back({"core.sparseCheckout", "true"});
  out.push_back({"core.fileMode", word(all || config_.file_mode)});
  out.push_back({"core.ignoreCase", word(!all && config_.ignore_case)});
  out.push_back({"core.symlinks", word(all || config_.symlinks)});
  return out;
}

// The working directory, relative to the top-level one; empty: it is that.
std::string Examination::below_top() const {
  const std::string& top = repository_.top;
  if (top.empty() || repository_.directory == top) return {};
  return repository_.directory.substr(top == "/" ? 1 : top.size() + 1);
}

void Examination::read_index() {
  const std::string& top = repository_.top;
  const std::string inside = below_top();
  IndexListing listing(top, inside);
  // Without core.sparseCheckout, which would make marks invisible.
  const Outcome outcome = call({.arguments = {"ls-files", "-v", "--stage", "-z"},
                                .directory = top,
                                .settings = blank_filters(config_.filters),
                                .max_out = kMaxIndexListing,
                                .sink = [&](std::string_view piece) { listing.feed(piece); }});
  if (outcome.ok() && listing.complete()) {
    if (!inside.empty() && !listing.inside_is_tracked()) {
      findings_.flags.insert("nested");
      dirty_doubt_.add("the working directory is nested in " + top +
                       ", which tracks nothing in it");
    }
    check_index(listing);
    read_submodules(listing);
    return;
  }
  const std::string why = outcome.ok() ? "the repository is corrupt: its index cannot be listed"
                                       : reason("ls-files", outcome);
  findings_.flags_reason = why;
  findings_.submodules = Submodules::not_known(why);
  doubt(why);
}

void Examination::doubt(const std::string& why, bool of_diff_too) {
  dirty_doubt_.add(why);
  count_doubt_.add(why);
  if (of_diff_too) diff_doubt_.add(why);
}

void Examination::check_index(const IndexListing& listing) {
  if (listing.assume_unchanged()) {
    findings_.flags.insert("assume-unchanged");
    doubt("paths are marked assume-unchanged, which hides changes in them");
  }
  if (listing.skip_worktree()) findings_.flags.insert("skip-worktree");
  if (listing.skipped_is_absent() && !config_.sparse) {
    doubt("paths marked skip-worktree are missing, and this is no sparse checkout");
  }
}

void Examination::read_submodules(const IndexListing& listing) {
  std::vector<SubmoduleState> states;
  bool too_many = listing.more_gitlinks();
  for (const Gitlink& link : listing.gitlinks()) {
    too_many |= context_.submodules >= kMaxSubmodules;
    if (too_many) break;
    ++context_.submodules;
    add_submodule(link, states);
  }
  if (too_many) {
    findings_.submodules =
        Submodules::not_known("there are more than 64 submodules; no more are examined");
    doubt(findings_.submodules.reason, false);
  } else {
    findings_.submodules = Submodules::of(std::move(states));
  }
}

void Examination::add_submodule(const Gitlink& link, std::vector<SubmoduleState>& out) {
  std::vector<SubmoduleState> inner;
  out.push_back(ask_submodule(link, inner));
  for (SubmoduleState& state : inner) {
    state.path = link.path + "/" + state.path;
    out.push_back(std::move(state));
  }
}

SubmoduleState Examination::ask_submodule(const Gitlink& link, std::vector<SubmoduleState>& inner) {
  const std::string path = (repository_.top == "/" ? "" : repository_.top) + "/" + link.path;
  SubmoduleState state{link.path, Text::of(link.commit), {}};
  if (!exists(path + "/.git")) {
    const bool vacant = is_empty_or_absent(path);
    state.dirty = Known<bool>::not_known(vacant ? "it is not checked out"
                                                : "it is not a repository, but not empty");
    if (!vacant) doubt("submodule " + link.path + ": " + state.dirty.reason, false);
    return state;
  }
  Findings found;
  if (is_plain_path(path)) {
    Context context{context_.git, context_.deadline, {.hash_diff = false}, context_.submodules};
    found = Examination(context)(path, true);
    context_.submodules = context.submodules;
  } else {
    found.problem = "its path leads through a symbolic link";
  }
  if (!found.problem.empty()) {
    found.commit = Text::not_known(found.problem);
    found.dirty = Known<bool>::not_known(found.problem);
  }
  state.commit = found.commit;
  state.dirty = found.dirty;
  if (found.submodules.value) inner = std::move(*found.submodules.value);
  if (!found.dirty.value) doubt("submodule " + link.path + ": " + found.dirty.reason, false);
  return state;
}

// Submodules are examined one by one, with this care, and not by git itself.
Outcome Examination::ask_status(Differences which) const {
  return call(
      {.arguments = {"status", "--porcelain=v2", "-z", "--branch", "--no-ahead-behind",
                     "--no-renames", "--untracked-files=normal", "--ignore-submodules=dirty"},
       .directory = repository_.top,
       .settings = settings(which),
       .max_out = kMaxStatus});
}

void Examination::read_status() {
  const Outcome outcome = ask_status(Differences::all);
  if (!outcome.ok() && !outcome.truncated) {
    const std::string why = reason("status", outcome);
    findings_.dirty = Known<bool>::not_known(why);
    findings_.changed = findings_.untracked = Count::not_known(why);
    findings_.diff = Text::not_known(why);
    return;
  }
  status_ = parse_status(outcome.out);
  findings_.untracked = Count::of(status_.untracked);
  if (outcome.truncated) {
    const std::string why = "there are more changes than are counted (16 MiB of paths)";
    certainly_dirty_ = true;
    findings_.untracked = Count::not_known(why);
    count_doubt_.add(why);
    diff_doubt_.add(why);
  } else {
    check_changes();
  }
  count_submodules();
  conclude();
}

// The differences that remain where the repository's word is taken for what
// means nothing here.  Another count is a doubt: whether a name in other case is
// another file, or a file in place of a link a change, cannot be told from here.
Status Examination::minded() {
  const std::string declared = config_.declared_meaningless();
  if (declared.empty() || (status_.changes.empty() && status_.untracked == 0)) return status_;
  const Outcome outcome = ask_status(Differences::declared);
  Status out;
  if (outcome.ok()) {
    out = parse_status(outcome.out);
    const bool fewer = out.changes.size() != status_.changes.size();
    if (fewer || out.untracked != status_.untracked)
      doubt("there are differences which " + declared + " declares meaningless");
    if (out.untracked != status_.untracked)
      findings_.untracked = Count::not_known("some are only so if " + declared + " is wrong");
  } else {
    doubt(reason("status", outcome));
  }
  return out;
}

// Without its filter a path's content cannot be compared, whoever defines the
// filter (git-lfs does so outside the repository).
void Examination::check_changes() {
  const std::string head = repository_.commit.value.value_or("(initial)");
  if (status_.head != head && (repository_.unborn || repository_.commit.value)) {
    doubt("HEAD moved while it was examined");
  }
  const std::vector<std::string> filters = filtered(status_.changes);
  const Status certain = minded();
  std::set<std::string> certain_paths;
  for (const Change& change : certain.changes) certain_paths.insert(change.path);
  certainly_dirty_ = certain.untracked > 0;
  bool by_filter = false, filter_in_diff = false;
  for (const Change& change : status_.changes) {
    const bool filter = change.unstaged == 'M' && !change.submodule &&
                        std::binary_search(filters.begin(), filters.end(), change.path);
    filter_in_diff |= filter;
    if (change.staged != '.') {
      certainly_dirty_ = true;
    } else if (filter) {
      by_filter = true;
    } else {
      certainly_dirty_ |= certain_paths.count(change.path) > 0;
    }
  }
  const std::string filter_why = "paths with a filter may differ; filters are not run";
  if (by_filter) doubt(filter_why, false);
  if (filter_in_diff) diff_doubt_.add(filter_why);
}

// Sorted.  In portions, for the length of an argument list is limited.
std::vector<std::string> Examination::filtered(const std::vector<Change>& changes) {
  std::vector<std::string> out;
  for (auto change = changes.begin(); change != changes.end();) {
    Call ask{.arguments = {"check-attr", "-z", "filter", "--"}, .directory = repository_.top};
    const std::size_t fixed = ask.arguments.size();
    for (std::size_t bytes = 0; change != changes.end() && bytes < kMaxPathBytes; ++change) {
      if (change->unstaged != 'M' || change->submodule) continue;
      ask.arguments.push_back(change->path);
      bytes += change->path.size() + sizeof(char*);
    }
    if (ask.arguments.size() == fixed) break;
    const std::vector<std::string> asked(ask.arguments.begin() + static_cast<long>(fixed),
                                         ask.arguments.end());
    const Outcome outcome = call(std::move(ask));
    // Not to know of a filter is to have to expect one.
    const std::vector<std::string> found = outcome.ok() ? parse_filtered(outcome.out) : asked;
    out.insert(out.end(), found.begin(), found.end());
  }
  std::sort(out.begin(), out.end());
  return out;
}

// A submodule with changes of its own is a change, once, of this repository.
void Examination::count_submodules() {
  const auto listed = [this](const std::string& path) {
    return std::any_of(status_.changes.begin(), status_.changes.end(),
                       [&](const Change& change) { return change.path == path; });
  };
  std::uint64_t more = 0;
  std::string within;  // the submodule whose own submodules follow it
  for (const SubmoduleState& state : findings_.submodules.value.value_or(NoSubmodules())) {
    if (!within.empty() && state.path.starts_with(within)) continue;
    within = state.path + "/";
    if (!state.dirty.value.value_or(false)) continue;
    certainly_dirty_ = true;
    if (!listed(state.path)) ++more;
  }
  findings_.changed = Count::of(status_.changes.size() + more);
}

void Examination::conclude() {
  findings_.dirty = Known<bool>::of(certainly_dirty_);
  if (!certainly_dirty_ && !dirty_doubt_.none()) {
    findings_.dirty = Known<bool>::not_known(dirty_doubt_.text());
  }
  if (!count_doubt_.none()) findings_.changed = Count::not_known(count_doubt_.text());
  if (!diff_doubt_.none()) {
    findings_.diff = Text::not_known(diff_doubt_.text());
  } else {
    hash_changes();
  }
}

// Every option that a configuration could set otherwise is stated.
void Examination::hash_changes() {
  if (!context_.wishes.hash_diff) {
    findings_.diff = Text::not_known("the option hash_diff is off");
  } else if (!repository_.commit.value) {
    findings_.diff = Text::not_known(repository_.commit.reason);
  } else if (status_.changes.empty()) {
    findings_.diff = Text::of(sha256_hex(""));
  } else {
    Sha256 hash;
    const Outcome outcome = call(
        {.arguments = {"diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames",
                       "--no-relative", "--full-index", "--binary", "--unified=3",
                       "--inter-hunk-context=0", "--diff-algorithm=myers", "--indent-heuristic",
                       "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short",
                       "--ignore-submodules=dirty", "-O/dev/null", *repository_.commit.value, "--"},
         .directory = repository_.top,
         .settings = settings(Differences::all),
         .max_out = kMaxDiff,
         .sink = [&](std::string_view piece) { hash.update(piece); }});
    findings_.diff =
        outcome.ok() ? Text::of(to_hex(hash.digest())) : Text::not_known(reason("diff", outcome));
  }
}

// Last of all: of a long history it may take what time there is.
void Examination::take_commit() {
  const auto none = [this](const std::string& why) {
    findings_.commit_time = findings_.author_hash = Text::not_known(why);
  };
  if (!repository_.commit.value) {
    none(repository_.commit.reason);
    findings_.describe = Text::not_known(repository_.commit.reason);
    return;
  }
  const Outcome outcome = call({.arguments = {"cat-file", "commit", *repository_.commit.value},
                                .directory = repository_.directory,
                                .max_out = kMaxCommit});
  if (!outcome.ok() && !outcome.truncated) {
    none(reason("cat-file", outcome));
  } else {
    const CommitHeader header = parse_commit(outcome.out);
    const bool dated = header.time && *header.time >= 0 && *header.time <= kLastSecond;
    findings_.commit_time = dated ? Text::of(utc(*header.time))
                                  : Text::not_known("the commit names no time that can be read");
    findings_.author_hash = Text::not_known("the option author_hash is off");
    if (context_.wishes.author_hash) {
      findings_.author_hash = header.author.empty() ? Text::not_known("the commit names no author")
                                                    : Text::of(sha256_hex(header.author));
    }
  }
  take_description();
}

void Examination::take_description() {
  const Outcome outcome =
      call({.arguments = {"describe", "--tags", "--abbrev=12", *repository_.commit.value},
            .directory = repository_.directory});
  const std::string text = outcome.out.substr(0, outcome.out.find('\n'));
  const bool none = outcome.err.find("No names found") != std::string::npos ||
                    outcome.err.find("No tags can describe") != std::string::npos;
  if (outcome.ok() && !text.empty()) {
    findings_.describe = Text::of(text);
  } else {
    findings_.describe =
        Text::not_known(none && !outcome.timed_out ? "no tag is at or before this commit"
                                                   : reason("describe", outcome));
  }
}

}  // namespace

Findings examine(const Git& git, const std::string& directory, const Wishes& wishes,
                 const Deadline& deadline) {
  Context context{git, deadline, wishes};
  return Examination(context)(directory, false);
}

}  // namespace domed::git

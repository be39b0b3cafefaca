#include "git.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "domed/support/executable.h"
#include "domed/support/hash.h"

namespace domed::git {
namespace {

constexpr std::size_t kMaxReason = 300;
// Older ones ignore GIT_CONFIG_COUNT (2.31), that is, the very settings that make calling them
// safe; 2.36 is what this was always held against.
constexpr int kOldestMajor = 2, kOldestMinor = 36;

// Stated, although git sees no configuration that says otherwise.  The first group names programs,
// the second hides changes, the third alters the text of diffs.
const std::array<Setting, 17> kSettings{{
    {"core.fsmonitor", "false"},
    {"core.hooksPath", "/dev/null"},
    {"core.sshCommand", "false"},
    {"core.askPass", "false"},
    {"core.gitProxy", "false"},
    {"core.alternateRefsCommand", "false"},
    {"diff.external", ""},
    {"protocol.allow", "never"},
    {"core.untrackedCache", "false"},
    {"core.excludesFile", "/dev/null"},
    {"core.checkStat", "default"},
    {"core.trustCTime", "true"},
    {"sparse.expectFilesOutsideOfPatterns", "false"},
    {"status.submoduleSummary", "false"},
    {"diff.autoRefreshIndex", "false"},
    {"diff.suppressBlankEmpty", "false"},
    {"core.quotePath", "true"},
}};

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// git may quote an address; what stands before its "@" may be a secret.
std::string without_users(std::string line) {
  for (std::size_t at = line.find("://"); at != std::string::npos; at = line.find("://", at + 3)) {
    const std::size_t end = std::min(line.find_first_of("/ '\"", at + 3), line.size());
    const std::size_t user = line.rfind('@', end);
    if (user != std::string::npos && user > at) line.replace(at + 3, user - at - 3, "***");
  }
  return line;
}

// git may quote the value of a setting that it does not take, which may be a secret;
// the setting's name is enough.
std::string without_value(const std::string& line) {
  static constexpr std::array<std::string_view, 8> kComplaints{
      "bad ",     "invalid ",      "Invalid ",         "malformed ",
      "unknown ", "unrecognized ", "failed to expand", "could not expand"};
  const std::size_t begin = line.starts_with("fatal: ") || line.starts_with("error: ") ? 7 : 0;
  const std::string_view said = std::string_view(line).substr(begin);
  const std::size_t cut = line.find_first_of("':", begin);
  if (cut == std::string::npos || said.starts_with("bad config variable ") ||
      std::none_of(kComplaints.begin(), kComplaints.end(),
                   [&](auto start) { return said.starts_with(start); }))
    return line;
  const std::size_t name = line.rfind(" for '"), end = line.find('\'', name + 6);
  const bool named = name != std::string::npos && end != std::string::npos;
  if (named && cut == name + 5) return line.substr(0, end + 1) + ": ***";
  return line.substr(0, cut) + (line[cut] == ':' ? ": ***" : "'***'") +
         (named && name > cut ? line.substr(name, end + 1 - name) : "");
}

// The first "fatal:" line, else the first "error:" line, else the first line.
std::string complaint(std::string_view err) {
  std::string_view best;
  for (const std::string_view mark : {"fatal: ", "error: ", ""}) {
    const std::size_t at = err.find(mark);
    if (at == std::string_view::npos) continue;
    best = err.substr(at);
    break;
  }
  std::string line(best.substr(0, std::min(best.find('\n'), kMaxReason)));
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 32; }, ' ');
  return line.empty() ? "no message" : without_users(without_value(line));
}

// git has no codes for these; with LC_ALL=C its words are stable.
std::string verdict(std::string_view err) {
  if (has(err, "dubious ownership") || has(err, "unsafe repository")) return "git refused";
  if (has(err, "not a git repository")) return "not a repository";
  if (has(err, "promisor"))
    return "an object is missing in this partial clone (nothing is fetched)";
  if (has(err, "Permission denied")) return "no permission";
  for (const char* sign : {"corrupt", "bad signature", "bad index", "index file", "bad object",
                           "unable to read", "missing", "unreadable", "not a valid object",
                           "bad config", "invalid object", "loose object", "inflate"}) {
    if (has(err, sign)) return "the repository is corrupt";
  }
  return "git refused";
}

}  // namespace

std::string Deadline::text() const {
  const auto ms = limit.count();
  return "timed out after " +
         (ms % 1000 == 0 ? std::to_string(ms / 1000) + "s" : std::to_string(ms) + "ms");
}

Git::Git(const std::string& name, std::string_view search_path)
    : name_(name),
      program_(find_executable(name, search_path)),
      no_protocol_("none-" + random_hex(16)) {}

std::vector<std::string> Git::environment(const Call& call) const {
  std::vector<std::string> out{"PATH=/nonexistent",
                               "HOME=/nonexistent",
                               "XDG_CONFIG_HOME=/nonexistent",
                               "LC_ALL=C",
                               "GIT_EXEC_PATH=/nonexistent",
                               "GIT_CONFIG_NOSYSTEM=1",
                               "GIT_CONFIG_GLOBAL=/dev/null",
                               "GIT_ATTR_NOSYSTEM=1",
                               "GIT_OPTIONAL_LOCKS=0",
                               "GIT_NO_LAZY_FETCH=1",
                               "GIT_NO_REPLACE_OBJECTS=1",
                               "GIT_LITERAL_PATHSPECS=1",
                               "GIT_TERMINAL_PROMPT=0",
                               "GIT_ASKPASS=false",
                               "SSH_ASKPASS=false",
                               "GIT_ALLOW_PROTOCOL=" + no_protocol_};
  // A directory that is none, where there is none to be looked at: git then asks no other.
  out.push_back("GIT_DIR=" + (call.git_dir.empty() ? "/nonexistent" : call.git_dir));
  if (!call.work_tree.empty()) out.push_back("GIT_WORK_TREE=" + call.work_tree);
  std::size_t count = 0;
  const auto set = [&](const Setting& setting) {
    const std::string number = std::to_string(count++);
    out.push_back("GIT_CONFIG_KEY_" + number + "=" + setting.first);
    out.push_back("GIT_CONFIG_VALUE_" + number + "=" + setting.second);
  };
  for (const Setting& setting : kSettings) set(setting);
  for (const Setting& setting : call.settings) set(setting);
  out.push_back("GIT_CONFIG_COUNT=" + std::to_string(count));
  return out;
}

Outcome Git::call(const Call& call, const Deadline& deadline) const {
  program::Command command{
      .program = program_,
      .arguments = {"--no-optional-locks", "--no-pager", "--no-replace-objects"},
      .directory = call.directory,
      .environment = environment(call),
      .deadline = deadline.at,
      .max_out = call.max_out,
      .sink = call.sink};
  command.arguments.insert(command.arguments.end(), call.arguments.begin(), call.arguments.end());
  return program::run(command);
}

std::string Git::reason(std::string_view what, const Outcome& outcome,
                        const Deadline& deadline) const {
  const std::string subject = "git " + std::string(what);
  if (outcome.timed_out) return deadline.text();
  if (!outcome.error.empty()) return subject + ": " + outcome.error;
  if (outcome.truncated) return subject + " said more than is read";
  if (outcome.signal != 0) {
    return subject + " was killed by signal " + std::to_string(outcome.signal);
  }
  return verdict(outcome.err) + ": " + subject + ": " + complaint(outcome.err);
}

std::string Git::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

std::string Git::problem(const Deadline& deadline) {
  const std::string stamp = file_stamp(program_);
  if (stamp.empty() || !is_executable(program_)) {
    return "git is not installed: '" + name_ + "' is " +
           (program_.empty() ? "not in the daemon's PATH" : "not a program") +
           "; install git or set this plugin's option 'git' to its absolute path";
  }
  {
    const std::lock_guard lock(mutex_);
    if (stamp == stamp_) return {};
  }
  const std::string problem = ask_version(deadline);
  if (problem.empty()) {
    const std::lock_guard lock(mutex_);
    stamp_ = stamp;
  }
  return problem;
}

std::string Git::ask_version(const Deadline& deadline) {
  const Outcome outcome = call({.arguments = {"version"}, .directory = "/"}, deadline);
  if (!outcome.ok()) return reason("version", outcome, deadline);
  int major = 0, minor = 0;
  char text[64] = "";
  if (std::sscanf(outcome.out.c_str(), "git version %63s", text) != 1 ||
      std::sscanf(text, "%d.%d", &major, &minor) != 2) {
    return program_ + " is not git: 'git version' said something else";
  }
  if (std::pair(major, minor) < std::pair(kOldestMajor, kOldestMinor)) {
    return program_ + " is git " + text + ", which cannot be called safely; install 2.36 or newer";
  }
  const std::lock_guard lock(mutex_);
  version_ = text;
  return {};
}

}  // namespace domed::git

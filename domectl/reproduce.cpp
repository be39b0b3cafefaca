#include "domectl/reproduce.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "domectl/table.h"

namespace domed::ctl {
namespace {

using Texts = std::vector<std::string>;

// For a shell; what would steer the terminal that shows the script is left to printf, in octal.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (std::size_t at = 0, bytes; at < text.size(); at += bytes) {
    bytes = character_bytes(std::string_view(text).substr(at));
    const std::string character = text.substr(at, bytes);
    if (character == "'") {
      out += "'\\''";
    } else if (character == "\n" || visible(character) == character) {
      out += character;
    } else {
      out += "'\"$(printf '";
      for (const char c : character) {
        char octal[8];
        std::snprintf(octal, sizeof octal, "\\%03o", static_cast<unsigned char>(c));
        out += octal;
      }
      out += "')\"'";
    }
  }
  return out + "'";
}

// A text as it is in the record; field() would escape it for a terminal.
std::string raw(const OrderedJson& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() && *found != "unknown"
             ? found->get<std::string>()
             : "";
}

bool has(const OrderedJson& record, const char* list, const char* item) {
  const auto found = record.find(list);
  return found != record.end() && found->is_array() &&
         std::find(found->begin(), found->end(), item) != found->end();
}

// A path that counts from where nobody knows; what has a scheme or begins with "/" does not.
bool is_relative(const std::string& remote) {
  return !remote.empty() && remote.front() != '/' && remote.find("://") == std::string::npos;
}

// As a shell's word for a program, never for one of its own commands.
// "test" or "FOO=1" as a program's name would be the shell's own to a shell.
std::string as_program(const std::string& name) {
  return (name.find_first_of("/=") == std::string::npos ? "env -- " : "") + quoted(name);
}

bool is_hex(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Everything in it comes from a record, and a record from repositories and requests of anybody:
// every text is quoted for the shell, ids go unquoted only where they are hex, and comments are
// cleaned of line ends.  What cannot be restored is listed at the end instead of guessed: a script
// that claims too much is worse than a short one.
class Script {
 public:
  Script(const OrderedJson& status, const OrderedJson& tool)
      : status_(status), tool_(tool), record_(part(status, "provenance")) {}

  std::string operator()() {
    line("#!/bin/sh");
    comment("Rebuilds what job " + field(status_, "job_id") +
            " was started from, as far as its provenance tells.");
    // The checks along the way end it: what follows would be built from something else.
    line("set -eu");
    sources();
    inputs();
    environment();
    program();
    limits();
    command();
    if (!lost_.empty()) comment("Cannot be restored:");
    for (const auto& text : lost_) comment("- " + text);
    return out_;
  }

 private:
  void line(const std::string& text) { out_ += text + "\n"; }
  void comment(const std::string& text) { line("# " + visible(text)); }
  void lost(const std::string& text) { lost_.push_back(text); }
  std::string reason(const OrderedJson& json, const std::string& key) const {
    std::string why = field(json, (key + "_reason").c_str());
    if (why.empty()) why = field(status_, "provenance_reason");
    return why.empty() ? "not recorded" : why;
  }

  void sources();
  void directory(const OrderedJson& repo);
  void changes();
  void submodules();
  void inputs();
  void environment();
  void program();
  void limits();
  std::string reading();
  void command();

  const OrderedJson& status_;
  const OrderedJson& tool_;
  const OrderedJson record_;
  Texts lost_;
  std::string out_;
};

void Script::sources() {
  const OrderedJson repo = part(record_, "repo");
  const std::string commit = raw(record_, "commit_sha"), recorded = raw(repo, "remote"),
                    remote = is_relative(recorded) ? "" : recorded;
  // Without a commit there is only the directory, as it is by now.
  if (!is_hex(commit)) {
    lost("the sources: " + reason(record_, "commit_sha"));
    const std::string asked = raw(status_, "cwd"), cwd = asked.empty() ? raw(tool_, "cwd") : asked;
    if (!cwd.empty()) line("cd " + quoted(cwd));
    return;
  }
  if (remote.empty())
    lost("where the repository came from: " +
         (recorded.empty() ? reason(repo, "remote")
                           : recorded + ", seen from a directory of that machine"));
  // The whole history: a server need not give out a single commit by its id.
  line("git clone -- " +
       (remote.empty() ? "\"${REMOTE:?say where the repository is}\"" : quoted(remote)) +
       " sources");
  line("cd sources");
  line("git checkout --detach " + commit);
  // The commit's id says that already, unless a replacement or a graft is at work in the clone.
  if (const std::string tree = raw(record_, "tree_sha"); is_hex(tree))
    line("test \"$(git rev-parse 'HEAD^{tree}')\" = " + tree);
  submodules();
  changes();
  directory(repo);
}

void Script::directory(const OrderedJson& repo) {
  const std::string inside = raw(repo, "subdirectory");
  if (has(record_, "flags", "bare")) lost("the working directory: it was a bare repository");
  if (has(record_, "flags", "sparse")) lost("which part of the tree was there: it was sparse");
  if (inside.empty() || inside == ".") return;
  if (has(record_, "flags", "nested")) {
    lost("what " + inside + " held: the commit has nothing of it");
    line("mkdir -p -- " + quoted(inside));
  }
  line("cd -- " + quoted(inside));
}

void Script::submodules() {
  const auto found = record_.find("submodules");
  if (found == record_.end() || !found->is_array())
    return lost("submodules: " + reason(record_, "submodules"));
  if (found->empty()) return;
  line("git submodule update --init --recursive");
  for (const auto& submodule : *found) {
    const std::string commit = raw(submodule, "commit"), path = raw(submodule, "path");
    if (!path.empty() && is_hex(commit))
      line("git -C " + quoted(path) + " checkout --detach " + commit);
    if (field(submodule, "dirty") != "false") lost("changes in the submodule " + path);
  }
}

void Script::changes() {
  const std::string dirty = field(record_, "dirty_flag");
  if (dirty == "true")
    lost("uncommitted changes: " + field(record_, "changed_files") + " changed and " +
         field(record_, "untracked_files") + " untracked files, diff_sha256 " +
         field(record_, "diff_sha256"));
  if (dirty == "unknown")
    lost("uncommitted changes, if there were any: " + reason(record_, "dirty_flag"));
}

void Script::inputs() {
  const OrderedJson inputs = part(record_, "input_files");
  const auto files = inputs.find("files");
  if (files == inputs.end()) return;
  if (!files->is_array())
    return comment("the input files' list had the SHA-256 " + field(inputs, "sha256"));
  for (const auto& file : *files)
    line("echo " + quoted(raw(file, "sha256") + "  " + raw(file, "path")) +
         " | sha256sum --check --quiet");
}

void Script::environment() {
  const OrderedJson host = part(record_, "env_fingerprint");
  if (host.empty()) return lost("the machine: " + reason(record_, "env_fingerprint"));
  comment("It ran on " + field(host, "os") + ", " + field(host, "kernel") + ", " +
          field(host, "architecture") + ", " + field(host, "libc") + ".");
  lost("the machine itself, and its environment beyond the hashes in the record");
}

void Script::program() {
  const OrderedJson versions = part(record_, "tool_versions"),
                    program = part(versions, "executable");
  if (const std::string path = raw(program, "path"), hash = raw(program, "sha256");
      !path.empty() && is_hex(hash))
    line("echo " + quoted(hash + "  " + path) + " | sha256sum --check --quiet");
  std::set<std::string> names;
  for (const OrderedJson* of : {&status_, &tool_})
    for (const char* key : {"env", "secret_env"})
      if (of->contains(key) && (*of)[key].is_array())
        for (const auto& name : (*of)[key])
          names.insert(name.is_string() ? name.get<std::string>() : name.dump());
  if (!names.empty())
    lost("the values of " + Json(names).dump() + ": they are kept, but never shown");
  const std::string agreed = raw(part(record_, "contract_hashes"), "tool"),
                    now = raw(tool_, "contract_sha256");
  // By the contract's hash and not the version, which people forget to raise.
  if (!agreed.empty() && agreed != now)
    lost("the tool as it was: the deployment's definition of " + field(status_, "tool_id") +
         " is another now");
}

void Script::limits() {
  for (const auto& [key, what] : std::map<std::string, std::string>{
           {"task", "the task, as the command found it in DOMED_TASK_FILE"},
           {"limits", "the limits"},
           {"timeout_s", "the seconds that it had"},
           {"tty", "the terminal that it ran on"},
           {"constraints", "the constraints that it was submitted with"},
           {"profile", "the profile that it was submitted with"}})
    if (status_.contains(key)) lost(what + ": " + status_[key].dump());
}

// Where the command's input comes from.
std::string Script::reading() {
  const OrderedJson from = part(status_, "stdin");
  if (const std::string path = raw(from, "path"); !path.empty()) return " <" + quoted(path);
  const std::string hash = raw(from, "sha256");
  if (!is_hex(hash)) return "";
  lost("the " + field(from, "bytes") + " bytes of its input: they are kept, but never shown");
  line("echo \"" + hash +
       "  ${INPUT:?say which file holds its input}\" | sha256sum --check --quiet");
  return " <\"$INPUT\"";
}

void Script::command() {
  const OrderedJson& from = status_.contains("command") ? status_ : tool_;
  const auto words = from.find("command");
  if (words == from.end() || !words->is_array()) return lost("the command: another program ran it");
  const std::string input = reading();
  std::string text;
  for (const auto& word : *words)
    if (word.is_string())
      text += text.empty() ? as_program(word.get<std::string>())
                           : " " + quoted(word.get<std::string>());
  line(text + input);
}

}  // namespace

std::string reproduction(const OrderedJson& status, const OrderedJson& tool) {
  return Script(status, tool)();
}

}  // namespace domed::ctl

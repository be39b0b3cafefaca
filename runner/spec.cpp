#include "runner/spec.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/json.h"
#include "domed/error.h"
#include "domed/support/hash.h"
#include "protocol/endpoint.h"

namespace domed {
namespace {

template <class T>
void take(const Json& object, const char* key, T& out) {
  // What is absent keeps its default, and what is not known is passed over: daemon and runner may
  // be a version apart while one build is installed over another.
  if (!object.contains(key)) return;
  try {
    object.at(key).get_to(out);
  } catch (const Json::exception&) {
    throw Error(Code::invalid_argument, std::string("'") + key + "' has the wrong type");
  }
}

template <class T>
void need(const Json& object, const char* key, T& out) {
  take(object, key, out);
  if (out.empty()) throw Error(Code::invalid_argument, std::string("'") + key + "' is missing");
}

void take_ms(const Json& object, const char* key, std::chrono::milliseconds& out) {
  std::int64_t count = out.count();
  take(object, key, count);
  if (count < 0) throw Error(Code::invalid_argument, std::string("'") + key + "' is negative");
  out = std::chrono::milliseconds(count);
}

// exec cannot carry a NUL: it would silently cut the word.
void refuse_nul(const std::string& text, const char* key) {
  if (text.find('\0') != std::string::npos)
    throw Error(Code::invalid_argument, std::string("'") + key + "' contains a NUL byte");
}

void take_limits(const Json& object, Limits& out) {
  const Json limits = object.value("limits", Json::object());
  take(limits, "memory", out.memory);
  take(limits, "cpu", out.cpu);
  take(limits, "open_files", out.open_files);
  take(limits, "processes", out.processes);
  take(object, "cgroup", out.cgroup);
}

void take_terminal(const Json& object, TerminalSize& out) {
  const Json terminal = object.value("tty", Json::object());
  take(terminal, "rows", out.rows);
  take(terminal, "columns", out.columns);
}

void take_stdin(const Json& object, Spec& spec) {
  const Json from = object.value("stdin", Json::object());
  take(from, "path", spec.stdin_path);
  take(object, "stdin_below", spec.stdin_below);
  std::string b64;
  take(from, "b64", b64);
  if (!from_base64(b64, spec.stdin_bytes))
    throw Error(Code::invalid_argument, "'stdin.b64' is not base64");
}

void take_node(const Json& object, Credentials& out) {
  const Json node = object.value("node", Json::object());
  take(node, "ca", out.files.ca);
  take(node, "cert", out.files.cert);
  take(node, "key", out.files.key);
  take(node, "token", out.token_file);
}

Spec read(const Json& object) {
  Spec spec;
  need(object, "job_id", spec.job_id);
  need(object, "run_id", spec.run_id);
  need(object, "log_id", spec.log_id);
  need(object, "producer_id", spec.producer_id);
  need(object, "producer_token", spec.producer_token);
  need(object, "control", spec.control);
  need(object, "command", spec.command);
  need(object, "cwd", spec.cwd);
  take(object, "cwd_below", spec.cwd_below);
  take(object, "job_token", spec.job_token);
  take(object, "env", spec.env);
  take(object, "secrets", spec.secrets);
  take(object, "mask", spec.mask);
  take_ms(object, "timeout_ms", spec.timeout);
  take_ms(object, "cancel_grace_ms", spec.cancel_grace);
  take_ms(object, "drain_ms", spec.drain);
  take_ms(object, "give_up_ms", spec.give_up);
  take(object, "max_output", spec.max_output);
  take(object, "max_spool", spec.max_spool);
  take(object, "max_ahead", spec.max_ahead);
  take(object, "open_files", spec.open_files);
  take(object, "umask", spec.umask);
  take_limits(object, spec.limits);
  take_stdin(object, spec);
  take_terminal(object, spec.terminal);
  take_node(object, spec.node);
  take(object, "others", spec.others);
  take(object, "durable", spec.durable);
  take(object, "times", spec.times);
  take(object, "fenced", spec.fenced);
  take(object, "progress_lines", spec.progress_lines);
  for (const auto& word : spec.command) refuse_nul(word, "command");
  for (const auto& [name, value] : spec.env) refuse_nul(name + value, "env");
  refuse_nul(spec.cwd, "cwd");
  for (const auto& pattern : spec.mask)
    if (const std::string problem = mask_problem(pattern); !problem.empty())
      throw Error(Code::invalid_argument, "'mask' " + problem);
  return spec;
}

// The command is there who it is at its own node.  Over a network it would be nobody, and to a
// daemon of another user it would not speak (client/peer.h): a list with such a URL would fail
// where one without waits for its own node.
bool knows_the_command(const std::string& url) {
  const auto path = ipc_path_of(url);
  struct stat status {};
  return path && stat(std::filesystem::path(*path).parent_path().c_str(), &status) == 0 &&
         status.st_uid == geteuid();
}

std::string endpoints_of_command(const Spec& spec) {
  std::string out = spec.control.front();
  for (const auto& url : spec.others)
    if (knows_the_command(url)) out += "," + url;
  return out;
}

}  // namespace

Spec parse_spec(const std::string& json, const std::string& source) {
  try {
    return read(Json::parse(json));
  } catch (const std::exception& e) {
    throw Error(Code::invalid_argument, source + ": " + e.what() +
                                            "; the daemon and its runner may be of different "
                                            "versions: install both from one build");
  }
}

Masks masks_of(const Spec& spec) {
  std::vector<std::string> secrets = spec.secrets;
  // A terminal makes two characters of a line's end.
  for (const auto& secret : spec.secrets) {
    std::string typed;
    for (const char c : secret) typed += c == '\n' ? std::string("\r\n") : std::string(1, c);
    if (spec.terminal.rows > 0 && typed != secret) secrets.push_back(typed);
  }
  for (const auto* token : {&spec.producer_token, &spec.job_token})
    if (token->size() >= kShortestSecret) secrets.push_back(*token);
  return {secrets, spec.mask};
}

std::vector<std::string> job_environment(const Spec& spec) {
  std::map<std::string, std::string> env = spec.env;
  env["DOMED_JOB_ID"] = spec.job_id;
  env["DOMED_RUN_ID"] = spec.run_id;
  env["DOMED_ENDPOINT"] = endpoints_of_command(spec);
  env["DOMED_PRODUCER_TOKEN"] = spec.job_token;
  std::vector<std::string> out;
  for (const auto& [name, value] : env) out.push_back(name + "=" + value);
  return out;
}

}  // namespace domed

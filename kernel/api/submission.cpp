#include "api/submission.h"

#include "base/json_schema.h"
#include "base/units.h"
#include "log/request_hash.h"
#include "protocol/limits.h"
#include "search/masks.h"

namespace domed {
namespace {

// What goes to execve() or names a file ends at its first NUL: something else would run than was
// asked for.
bool has_nul(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

void check_env(const Json& env, const std::string& key) {
  if (env.is_null()) return;
  const std::string where = "'" + key + "': ";
  for (const auto& [name, value] : env.items()) {
    if (name.empty() || name.find('=') != std::string::npos || has_nul(name))
      invalid_request(where + "'" + name + "' cannot be a variable's name");
    // By DOMED_RUN_ID the orphans of a run are found and killed (*What belongs to a run*): a
    // request does not get to choose it.
    if (name.starts_with("DOMED_"))
      invalid_request(where + "names that begin with DOMED_ are set by domed itself");
    if (!value.is_string() || has_nul(value.get<std::string>()))
      invalid_request(where + "the value of '" + name + "' must be a string without NUL");
  }
}

// A short one stands in any output by chance, which its mask would then tell.
void check_secret_env(const Json& secrets, const Json& env) {
  check_env(secrets, "secret_env");
  if (secrets.is_null()) return;
  for (const auto& [name, value] : secrets.items()) {
    if (value.get_ref<const std::string&>().size() < kShortestSecret)
      invalid_request("'secret_env': the value of '" + name + "' has less than " +
                      std::to_string(kShortestSecret) + " bytes, too few to be masked in output");
    if (env.is_object() && env.contains(name))
      invalid_request("'secret_env': '" + name + "' stands in 'env' too");
  }
}

void check_cwd(const std::string& cwd) {
  if (cwd.empty()) return;
  if (cwd[0] != '/' || has_nul(cwd)) invalid_request("'cwd' must be an absolute path");
}

}  // namespace

void check_command(const Json& command) {
  if (command.is_null()) return;
  if (command.empty() || command.size() > 4096)
    invalid_request("'command' must have 1 to 4096 arguments");
  for (const auto& argument : command)
    if (!argument.is_string() || has_nul(argument.get<std::string>()))
      invalid_request("'command' must be an array of strings without NUL");
  if (command.at(0).get<std::string>().empty())
    invalid_request("'command' must name a program first");
}

void check_labels(const Json& labels) {
  if (labels.is_null()) return;
  // ListJobs looks for KEY=VALUE, so a key has no "=". The lengths leave each a tag that any store
  // takes (kMaxTagBytes).
  if (labels.size() > 64) invalid_request("'labels' may be at most 64");
  for (const auto& [key, value] : labels.items()) {
    if (key.empty() || key.size() > 128 || key.find_first_of("=\n") != std::string::npos)
      invalid_request("'labels': '" + key + "' cannot be a label's key");
    if (!value.is_string() || value.get<std::string>().size() > 256 ||
        value.get<std::string>().find('\n') != std::string::npos)
      invalid_request("'labels': the value of '" + key +
                      "' must be a string of at most 256 bytes without LF");
  }
}

// People type it, and read it in a list: one line, and nothing that FindJob takes for something
// else.
void check_name(const std::string& name) {
  for (const char c : name)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      invalid_request("'name' must be of one line, without control characters");
  if (name.starts_with('@'))
    invalid_request("'name' must not begin with '@', as @last does, which is the newest job");
}

void check_limits(const Json& limits) {
  if (limits.is_null()) return;
  for (const auto& [name, value] : limits.items()) {
    if (name != "memory" && name != "cpu" && name != "open_files" && name != "processes")
      invalid_request("'limits': there is no '" + name +
                      "': use memory, cpu, open_files or processes");
    if (!value.is_number_integer() || value.get<std::int64_t>() < 1)
      invalid_request("'limits': '" + name + "' must be a positive integer");
  }
}

namespace {

// What the command reads: a file of this machine, or the bytes themselves.
void check_stdin(const Json& from) {
  if (from.is_null()) return;
  // In base64 two thirds of what a request may have: room for the rest of it.
  constexpr std::size_t kMost = 512 * 1024;
  std::string bytes;
  const bool one = from.size() == 1 && from.begin()->is_string();
  const std::string value = one ? from.begin()->get<std::string>() : "";
  const bool is_path = one && from.contains("path") && value.starts_with('/') && !has_nul(value);
  const bool is_bytes = one && from.contains("b64") && from_base64(value, bytes);
  if (!is_path && !is_bytes)
    invalid_request("'stdin' must have either 'path', absolute, or 'b64', base64 with padding");
  if (bytes.size() > kMost)
    throw ApiError("E_TOO_LARGE", "'stdin' may have " + std::to_string(kMost) +
                                      " bytes: give a file's path instead");
}

}  // namespace

// The terminal that the command gets instead of pipes.
void check_tty(const Json& tty, bool has_stdin) {
  if (tty.is_null()) return;
  const auto size = [&](const char* key) {
    return tty.contains(key) && tty.at(key).is_number_integer() && tty.at(key) >= 1 &&
           tty.at(key) <= 9999;
  };
  if (tty.size() != 2 || !size("rows") || !size("columns"))
    invalid_request("'tty' must have 'rows' and 'columns', 1 to 9999");
  if (has_stdin) invalid_request("'stdin' and 'tty' exclude each other");
}

namespace {

void check_retry(const Json& retry) {
  if (retry.is_null()) return;
  for (const auto& [name, value] : retry.items()) {
    const bool known = name == "max_attempts" || name == "backoff_s";
    if (!known)
      invalid_request("'retry': there is no '" + name + "': use max_attempts and backoff_s");
  }
  const auto in = [&](const char* key, double least, double most) {
    return retry.contains(key) && retry.at(key).is_number() && retry.at(key) >= least &&
           retry.at(key) <= most;
  };
  if (!in("max_attempts", 1, 100) || !retry.at("max_attempts").is_number_integer())
    invalid_request("'retry': 'max_attempts' must be an integer, 1 to 100");
  if (retry.contains("backoff_s") && !in("backoff_s", 0, 3600))
    invalid_request("'retry': 'backoff_s' must be a number of seconds, at most 3600");
}

}  // namespace

void check_queueing(Params& params, bool external) {
  params.integer("priority", 0, -100, 100);
  params.text("queue", limits::kNameBytes);
  params.boolean("hold", false);
  params.text("retry_of", limits::kKeyBytes);
  const Json needs = params.array("depends_on");
  if (needs.size() > 64) invalid_request("'depends_on' may name at most 64 jobs");
  for (const auto& id : needs)
    if (!id.is_string()) invalid_request("'depends_on' must be an array of job ids");
  check_retry(params.object("retry"));
  const auto start = params.text("not_before");
  if (start && !parse_time(*start))
    invalid_request("'not_before' must be a time such as 2026-01-31T12:00:00Z");
  for (const char* key : {"priority", "queue", "hold", "depends_on", "retry", "not_before"})
    if (external && params.all().contains(key))
      invalid_request(std::string("'") + key + "': an external job waits in no queue of ours");
}

void check_timeout(Params& params) {
  // Seconds: some 116 days.
  if (params.number("timeout_s", 0, 0) > 1e7) invalid_request("'timeout_s' is too large");
}

void check_expires(Params& params, bool external) {
  params.integer("expires_s", 1, 1, 10'000'000);
  if (!external && params.all().contains("expires_s"))
    invalid_request(
        "'expires_s': only the producer of an external job can be silent; 'timeout_s' bounds a "
        "command");
}

namespace {

void check_node(Params& params, bool external) {
  const auto node = params.text("node", limits::kNameBytes);
  if (node && node->empty()) invalid_request("'node' must be the name or the id of a node");
  if (node && external)
    invalid_request("'node': an external job is no node's: its producer runs it where it is");
}

}  // namespace

void set_tool(JobFixed& job, Json tool) {
  const Json task = job.request.value("task", Json::object());
  const std::string problem = misfit(tool.value("input_schema", Json::object()), task, "task");
  if (!problem.empty())
    invalid_request("'" + job.tool_id() + "' refuses the task: " + problem + " ('domectl tools " +
                    job.tool_id() + "' shows what it takes)");
  job.tool = std::move(tool);
  // Made and thrown away: where tool and task make no command it is said now, to whoever asked, and
  // not when the job's turn has come.
  if (!job.external()) job.command();
}

Submission read_job(Params& params) {
  Submission out;
  JobFixed& fixed = out.fixed;
  fixed.idempotency_key = params.required_text("idempotency_key", limits::kKeyBytes);
  fixed.client_id = params.text("client_id", limits::kKeyBytes).value_or("");
  fixed.name = params.text("name", limits::kNameBytes).value_or("");
  check_name(fixed.name);
  const std::string tool_id = params.text("tool_id", limits::kNameBytes).value_or("");
  const Json command = params.array("command");
  const std::string executor = params.text("executor").value_or("local-process");
  if (executor != "local-process" && executor != "external")
    invalid_request("'executor' must be local-process or external");
  if (!tool_id.empty() && !command.is_null())
    invalid_request("give either 'tool_id' or 'command', not both");
  if (tool_id.empty() && command.is_null() && executor != "external")
    invalid_request("'command' or 'tool_id' is required");
  check_command(command);
  const Json env = params.object("env");
  check_env(env, "env");
  check_secret_env(params.object("secret_env"), env);
  check_labels(params.object("labels"));
  check_limits(params.object("limits"));
  check_stdin(params.object("stdin"));
  check_tty(params.object("tty"), params.all().contains("stdin"));
  check_queueing(params, executor == "external");
  check_node(params, executor == "external");
  check_cwd(params.text("cwd", 4096).value_or(""));
  for (const char* key : {"timeout_s", "limits", "stdin", "tty"})
    if (executor == "external" && params.all().contains(key))
      invalid_request(std::string("'") + key + "': an external job's command is not ours to run");
  for (const char* key : {"task", "constraints"}) params.object(key);
  params.text("profile");
  check_timeout(params);
  check_expires(params, executor == "external");
  out.accept_imported = params.boolean("accept_imported", false);
  params.done();
  fixed.request = params.all();
  fixed.request.erase("idempotency_key");
  fixed.request.erase("client_id");
  fixed.request.erase("accept_imported");  // it asks for the same job,
  fixed.request.erase("wait_ms");          // and so does this
  // `IdempotentSubmit`: of what the client said and nothing else. Neither the order of its keys nor
  // a tool that the deployment has changed meanwhile makes it another request.
  out.request_hash = request_hash(fixed.request);
  if (fixed.request.contains("env")) out.former_hash = former_request_hash(fixed.request);
  fixed.request.erase("name");  // it has a place of its own
  return out;
}

}  // namespace domed

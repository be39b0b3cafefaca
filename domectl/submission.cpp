#include "domectl/submission.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "base/units.h"
#include "domectl/arguments.h"
#include "domed/support/hash.h"
#include "protocol/limits.h"

namespace domed::ctl {
namespace {

std::string current_dir() {
  char path[PATH_MAX];
  if (!getcwd(path, sizeof path)) throw UsageError("cannot tell the current directory: give --cwd");
  return path;
}

// What stands on a command line anybody on this machine can read.
Json secrets_of(const std::vector<std::string>& names) {
  Json out = Json::object();
  for (const auto& name : names) {
    if (name.find('=') != std::string::npos)
      throw UsageError(
          "--secret-env takes a name alone, for others can read a command line: put '" +
          name.substr(0, name.find('=')) + "' into domectl's own environment");
    const char* value = std::getenv(name.c_str());
    if (!value) throw UsageError("--secret-env " + name + ": there is no such variable here");
    out[name] = value;
  }
  return out;
}

std::uint64_t limit_of(const std::string& name, const std::string& text) {
  std::optional<std::uint64_t> value = parse_size(text);
  if (name == "cpu") {
    const auto time = parse_duration(text);
    // Rounded up, as RLIMIT_CPU knows whole seconds and 0 would be no limit.
    const auto seconds = time ? std::chrono::ceil<std::chrono::seconds>(*time).count() : 0;
    value = static_cast<std::uint64_t>(seconds);
  }
  if (value && *value > 0) return *value;
  throw UsageError("--limit '" + name + "=" + text + "' is not " +
                   (name == "cpu" ? "a time such as 30s" : "a number, or a size such as 512MiB"));
}

std::string absolute(const std::string& path) {
  return path.starts_with('/') ? path : current_dir() + "/" + path;
}

Json input_of(const std::string& file) {
  if (file != "-") return {{"path", absolute(file)}};
  // With the request, since the daemon cannot read our standard input.  The bound is what fits into
  // a request as base64; a larger file is opened by the runner, by its path.
  std::string bytes;
  char buffer[16384];
  for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, stdin)) > 0;) {
    bytes.append(buffer, n);
    if (bytes.size() > 512 * 1024)
      throw UsageError(
          "more than 512 KiB to read: put it into a file, and give that as --stdin FILE");
  }
  if (std::ferror(stdin)) throw UsageError("cannot read the job's input from standard input");
  return {{"b64", to_base64(bytes)}};
}

// Its size is that of now, until a Keyboard tells another; a program that asks for TERM gets ours,
// unless it is a tool's, which says itself what it accepts.
void add_terminal(Json& params) {
  winsize window{};
  ioctl(STDOUT_FILENO, TIOCGWINSZ, &window);
  if (window.ws_row == 0) window.ws_row = 24;  // not a terminal, or one that does not know
  if (window.ws_col == 0) window.ws_col = 80;
  params["tty"] = {{"rows", window.ws_row}, {"columns", window.ws_col}};
  const char* term = std::getenv("TERM");
  if (term && !params.contains("tool_id") &&
      !(params.contains("env") && params["env"].contains("TERM")))
    params["env"]["TERM"] = term;
}

void add_time(Context& context, const Submission& job, Json& params) {
  if (!job.not_before.empty()) {
    const auto wait = parse_duration(job.not_before);
    // Counted from now, so that the same command line under the same --key is another request a
    // second later (IdempotentSubmit): who repeats it gives a time.
    params["not_before"] =
        wait ? format_time(context.daemon_now() + wait->count()) : job.not_before;
  }
  if (job.attempts > 1) params["retry"]["max_attempts"] = job.attempts;
  if (job.backoff.empty()) return;
  if (job.attempts == 1) throw UsageError("--backoff goes with --attempts, 2 or more");
  const auto backoff = duration_of(job.backoff, "--backoff");
  params["retry"]["backoff_s"] = static_cast<double>(backoff.count()) / 1e6;
}

void add_turn(Context& context, const Submission& job, Json& params) {
  const Json limits = pairs(job.limits, "--limit");
  for (const auto& [name, text] : limits.items())
    params["limits"][name] = limit_of(name, text.get<std::string>());
  if (!job.queue.empty()) params["queue"] = job.queue;
  if (!job.node.empty()) params["node"] = job.node;
  if (job.priority != 0) params["priority"] = job.priority;
  for (const auto& needed : job.after) params["depends_on"].push_back(context.id_of(needed));
  if (job.hold) params["hold"] = true;
  add_time(context, job, params);
}

}  // namespace

Json pairs(const std::vector<std::string>& given, const char* option) {
  Json out = Json::object();
  for (const auto& pair : given) {
    // The first "=": a value may hold others.
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      throw UsageError(std::string(option) + " '" + pair + "' must have the form NAME=VALUE");
    out[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return out;
}

void add_submission_options(CLI::App& verb, Submission& job) {
  verb.add_option("--name", job.name, "What to call it; of several jobs the newest is meant")
      ->type_name("NAME");
  verb.add_option("--cwd", job.cwd, "Directory to run in (default: this one)")->type_name("DIR");
  verb.add_option("--env", job.env, "A variable for the command; may be repeated")
      ->type_name("K=V")
      ->expected(1)
      ->take_all();
  verb.add_option(
          "--secret-env", job.secret_env,
          "A variable of domectl's own that the command gets too, and that is masked in all "
          "that is kept of the job; may be repeated")
      ->type_name("NAME")
      ->expected(1)
      ->take_all();
  verb.add_option("--timeout", job.timeout, "End the job after this long, such as 30s or 2h")
      ->type_name("TIME");
  verb.add_option("--label", job.labels, "A label to find the job by; may be repeated")
      ->type_name("K=V")
      ->expected(1)
      ->take_all();
  verb.add_option("--stdin", job.input,
                  "The file that the command reads; - for what domectl itself reads, up to 512 KiB")
      ->type_name("FILE");
  verb.add_flag(
      "--tty", job.tty,
      "Give the command a terminal like this one; where this is one, keys and the window's "
      "size go to the job, and Enter ~ . leaves it");
  verb.add_option("--limit", job.limits,
                  "What each process may use: memory=1GiB, cpu=30s, open_files=N, processes=N; may "
                  "be repeated")
      ->type_name("K=V")
      ->expected(1)
      ->take_all();
  verb.add_option("--queue", job.queue, "The queue to wait in")->type_name("NAME");
  verb.add_option("--node", job.node, "Run it at this node alone, and wait for that")
      ->type_name("NAME|ID");
  verb.add_option("--priority", job.priority, "Higher goes first (-100 to 100)")
      ->check(whole_number(-100, 100));
  verb.add_option("--after", job.after, "Run only when this job has succeeded; may be repeated")
      ->type_name("JOB")
      ->expected(1)
      ->take_all();
  verb.add_option("--not-before", job.not_before, "Do not start it before this time, or so long")
      ->type_name("TIME");
  verb.add_option("--attempts", job.attempts,
                  "If it fails try it again, so many times in all; each is a job of its own")
      ->type_name("N")
      ->check(whole_number(1, 100));
  verb.add_option("--backoff", job.backoff,
                  "How long to wait before the second attempt; then twice as long each time")
      ->type_name("TIME");
  verb.add_flag("--hold", job.hold, "Do not start it before 'domectl release'");
  verb.add_option("--tool", job.tool, "Run a tool of the deployment instead of a command")
      ->type_name("ID");
  verb.add_option("--task", job.task, "What the tool is to do, a JSON object")->type_name("JSON");
  verb.add_option("--key", job.key,
                  "Idempotency key: the same key and request give the same job, once")
      ->type_name("KEY");
  verb.add_flag("--accept-imported", job.accept_imported,
                "With --key: a copy that was imported may be the job that is meant");
  verb.add_option("--client-id", job.client_id, "Whose key it is")->type_name("ID");
}

Json params_of(Context& context, const Submission& job, const std::vector<std::string>& command) {
  Json params{{"idempotency_key", job.key.empty() ? random_hex(16) : job.key}};
  if (job.tool.empty() && command.empty() && job.executor != "external")
    throw UsageError("no command: domectl run COMMAND ..., or name a --tool");
  if (!job.tool.empty() && !command.empty())
    throw UsageError("either a command or --tool, not both");
  if (!command.empty()) params["command"] = command;
  if (!job.tool.empty()) params["tool_id"] = job.tool;
  if (!job.name.empty()) params["name"] = job.name;
  if (!job.executor.empty()) params["executor"] = job.executor;
  if (job.accept_imported) params["accept_imported"] = true;
  if (!job.client_id.empty()) params["client_id"] = job.client_id;
  // A tool has a directory of its own, unless another one is asked for.
  if (!job.cwd.empty() || job.tool.empty())
    params["cwd"] = job.cwd.empty() ? current_dir() : absolute(job.cwd);
  if (!job.input.empty()) params["stdin"] = input_of(job.input);
  add_turn(context, job, params);
  if (!job.env.empty()) params["env"] = pairs(job.env, "--env");
  if (!job.secret_env.empty()) params["secret_env"] = secrets_of(job.secret_env);
  if (job.tty) add_terminal(params);
  if (!job.labels.empty()) params["labels"] = pairs(job.labels, "--label");
  if (!job.timeout.empty()) {
    const auto time = duration_of(job.timeout, "--timeout");
    if (time.count() == 0) throw UsageError("--timeout must be more than 0s");
    params["timeout_s"] = static_cast<double>(time.count()) / 1e6;
  }
  if (!job.expires.empty()) {
    if (job.executor != "external")
      throw UsageError("--expires goes with --external: only a producer can be silent");
    const auto time = duration_of(job.expires, "--expires");
    if (time.count() == 0) throw UsageError("--expires must be more than 0s");
    params["expires_s"] = std::chrono::ceil<std::chrono::seconds>(time).count();
  }
  if (!job.wait.empty()) {
    const auto time = duration_of(job.wait, "--wait");
    if (time > std::chrono::milliseconds(limits::kWaitMsMost))
      throw UsageError(
          "--wait is 10s at most: 'domectl run' follows a job for as long as it takes");
    params["wait_ms"] = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  }
  if (!job.task.empty()) {
    params["task"] = Json::parse(job.task, nullptr, false);
    if (!params["task"].is_object()) throw UsageError("--task must be a JSON object");
  }
  return params;
}

void ask_for_features(Context& context, const Submission& job) {
  if (job.accept_imported) context.must_know("accept_imported", "--accept-imported");
  if (!job.expires.empty()) context.must_know("expires_s", "--expires");
  if (!job.wait.empty()) context.must_know("submit_wait", "--wait");
  if (!job.node.empty()) context.must_know("submit_node", "--node");
  if (!job.name.empty()) context.must_know("names", "--name");
}

}  // namespace domed::ctl

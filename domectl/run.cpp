#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <climits>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/units.h"
#include "domectl/arguments.h"
#include "domectl/context.h"
#include "domectl/interrupt.h"
#include "domectl/keyboard.h"
#include "domectl/outcome.h"
#include "domectl/table.h"
#include "domectl/watch.h"
#include "domed/support/hash.h"

namespace domed::ctl {
namespace {

struct Submission {
  std::string cwd, timeout, tool, task, key, client_id, executor;
  std::string queue, input, not_before, backoff;
  int priority = 0, attempts = 1;
  std::vector<std::string> env, labels, limits, after;
  bool quiet = false, hold = false, tty = false, accept_imported = false;
};

void add_options(CLI::App& verb, Submission& job) {
  verb.add_option("--cwd", job.cwd, "Directory to run in (default: this one)")->type_name("DIR");
  verb.add_option("--env", job.env, "A variable for the command; may be repeated")
      ->type_name("K=V")
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

std::string current_dir() {
  char path[PATH_MAX];
  if (!getcwd(path, sizeof path)) throw UsageError("cannot tell the current directory: give --cwd");
  return path;
}

Json pairs(const std::vector<std::string>& given, const char* option) {
  Json out = Json::object();
  for (const auto& pair : given) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      throw UsageError(std::string(option) + " '" + pair + "' must have the form NAME=VALUE");
    out[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  return out;
}

std::uint64_t limit_of(const std::string& name, const std::string& text) {
  std::optional<std::uint64_t> value = parse_size(text);
  if (name == "cpu") {
    const auto time = parse_duration(text);
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

void add_time(const Submission& job, Json& params) {
  if (!job.not_before.empty()) {
    const auto wait = parse_duration(job.not_before);
    params["not_before"] = wait ? format_time(now_micros() + wait->count()) : job.not_before;
  }
  if (job.attempts > 1) params["retry"]["max_attempts"] = job.attempts;
  if (job.backoff.empty()) return;
  if (job.attempts == 1) throw UsageError("--backoff goes with --attempts, 2 or more");
  const auto backoff = duration_of(job.backoff, "--backoff");
  params["retry"]["backoff_s"] = static_cast<double>(backoff.count()) / 1e6;
}

void add_turn(const Submission& job, Json& params) {
  const Json limits = pairs(job.limits, "--limit");
  for (const auto& [name, text] : limits.items())
    params["limits"][name] = limit_of(name, text.get<std::string>());
  if (!job.queue.empty()) params["queue"] = job.queue;
  if (job.priority != 0) params["priority"] = job.priority;
  if (!job.after.empty()) params["depends_on"] = job.after;
  if (job.hold) params["hold"] = true;
  add_time(job, params);
}

// A daemon that does not know it would refuse the whole request, in other words.
void must_know(Context& context, const std::string& feature, const char* option) {
  const Json known =
      context.client().call("ListCapabilities", Json::object()).value("features", Json::array());
  if (std::find(known.begin(), known.end(), feature) == known.end())
    throw UsageError(std::string("this daemon does not know ") + option +
                     ": it is of an older version than this domectl");
}

Json params_of(const Submission& job, const std::vector<std::string>& command) {
  Json params{{"idempotency_key", job.key.empty() ? random_hex(16) : job.key}};
  if (job.tool.empty() && command.empty() && job.executor != "external")
    throw UsageError("no command: write it behind '--', or name a --tool");
  if (!job.tool.empty() && !command.empty())
    throw UsageError("either a command or --tool, not both");
  if (!command.empty()) params["command"] = command;
  if (!job.tool.empty()) params["tool_id"] = job.tool;
  if (!job.executor.empty()) params["executor"] = job.executor;
  if (job.accept_imported) params["accept_imported"] = true;
  if (!job.client_id.empty()) params["client_id"] = job.client_id;
  // A tool has a directory of its own, unless another one is asked for.
  if (!job.cwd.empty() || job.tool.empty())
    params["cwd"] = job.cwd.empty() ? current_dir() : absolute(job.cwd);
  if (!job.input.empty()) params["stdin"] = input_of(job.input);
  add_turn(job, params);
  if (!job.env.empty()) params["env"] = pairs(job.env, "--env");
  if (job.tty) add_terminal(params);
  if (!job.labels.empty()) params["labels"] = pairs(job.labels, "--label");
  if (!job.timeout.empty()) {
    const auto time = duration_of(job.timeout, "--timeout");
    if (time.count() == 0) throw UsageError("--timeout must be more than 0s");
    params["timeout_s"] = static_cast<double>(time.count()) / 1e6;
  }
  if (!job.task.empty()) {
    params["task"] = Json::parse(job.task, nullptr, false);
    if (!params["task"].is_object()) throw UsageError("--task must be a JSON object");
  }
  return params;
}

// Ctrl-C once cancels the job, a second time leaves it alone and ends domectl.
class CancelOrDetach {
 public:
  // "last_words" where domectl cannot leave by itself, since something does not return.
  CancelOrDetach(Context& context, bool quiet, std::function<void()> last_words)
      : context_(context),
        quiet_(quiet),
        interrupt_({[this](int signal) { return interrupted(signal); }, std::move(last_words)}) {}
  // While a signal can still end from outside what does not return.
  ~CancelOrDetach() {
    stop_.request_stop();
    std::jthread canceling;
    const std::lock_guard lock(mutex_);
    canceling = std::move(canceling_);
  }

  // From now on there is a job to cancel.
  void job_is(const std::string& job_id) {
    {
      const std::lock_guard lock(mutex_);
      job_id_ = job_id;
    }
    if (wanted_) cancel();
  }
  void leave() { stop_.request_stop(); }
  std::stop_token stop() const { return stop_.get_token(); }

 private:
  bool interrupted(int signal) {
    if (signal == SIGHUP || wanted_.exchange(true)) {
      stop_.request_stop();
      return true;
    }
    if (!quiet_) note("canceling the job; once more to stop watching it");
    const std::lock_guard lock(mutex_);
    canceling_ = std::jthread([this] { cancel(); });  // a second signal must still be seen
    return false;
  }
  void cancel() {
    std::string job_id;
    {
      const std::lock_guard lock(mutex_);
      job_id = job_id_;
    }
    if (job_id.empty()) return;
    CallOptions options;
    options.stop = stop_.get_token();
    try {
      context_.client().call("CancelJob", {{"job_id", job_id}}, options);
    } catch (const ApiError& e) {
      if (e.name() != "E_STOPPED") note("cannot cancel: " + e.name() + ": " + e.what());
    }
  }

  Context& context_;
  const bool quiet_;
  std::mutex mutex_;
  std::string job_id_;
  std::atomic<bool> wanted_{false};
  std::stop_source stop_;
  std::jthread canceling_;
  Interrupt interrupt_;
};

// Null where nobody is there to type, or nothing to type at.
std::unique_ptr<Keyboard> keyboard_for(Context& context, const Submission& job,
                                       const FollowOptions& options, CancelOrDetach& interrupts) {
  if (!job.tty || !Keyboard::there()) return nullptr;
  const std::string socket = context.status_of(options.job_id, options.stop).value("terminal", "");
  if (socket.empty()) return nullptr;
  return std::make_unique<Keyboard>(socket, [&interrupts] { interrupts.leave(); });
}

// The watch of a run's job, and words for who leaves it: from any thread.
class Resumable {
 public:
  explicit Resumable(const std::string& key) : key_(key) {}
  Watch* watch(std::unique_ptr<Watch> watch) {
    const std::lock_guard lock(mutex_);
    watch_ = std::move(watch);
    return watch_.get();
  }
  void say() {
    const std::lock_guard lock(mutex_);
    if (watch_)
      watch_->say_resume("no longer watching; resume with: ");
    else
      note("no answer yet: the job may have been submitted; the same command with --key " + key_ +
           " finds it, or submits it");
  }

 private:
  const std::string key_;
  std::mutex mutex_;
  std::unique_ptr<Watch> watch_;
};

// E_STOPPED where it was left, whatever was under way.
int follow_to_the_end(Context& context, const Submission& job, const Json& params,
                      CancelOrDetach& interrupts, Resumable& resumable) {
  if (job.accept_imported) must_know(context, "accept_imported", "--accept-imported");
  FollowOptions options;
  options.stop = interrupts.stop();
  CallOptions call;
  call.stop = interrupts.stop();
  const Json submitted = context.client().call("SubmitJob", params, call);
  options.job_id = submitted.at("job_id").get<std::string>();
  options.log_id = submitted.at("log_id").get<std::string>();
  if (submitted.value("replayed", false) && !job.quiet)
    note("this key was used before; following its job " + options.job_id);
  Printer::Options printing;
  printing.form = context.json ? Printer::Form::lines : Printer::Form::output;
  printing.progress = !job.quiet && is_terminal(STDERR_FILENO);
  for (;;) {
    Watch* const watch = resumable.watch(std::make_unique<Watch>(
        context, options, printing, job.quiet, context.json ? " --json" : ""));
    interrupts.job_is(options.job_id);
    FollowEnd end;
    {
      const auto keyboard = keyboard_for(context, job, options, interrupts);
      end = watch->run();
    }
    if (end == FollowEnd::stopped) throw ApiError("E_STOPPED", "");
    const std::string text = outcome_text(watch->outcome());
    if (!text.empty() && !job.quiet) note("job " + options.job_id + " " + text);
    if (watch->next_attempt().empty()) return exit_code_of(watch->outcome());
    options.job_id = watch->next_attempt();
    if (!job.quiet) note("it is tried again as job " + options.job_id);
    options.log_id = context.status_of(options.job_id, options.stop).at("log_id");
  }
}

int run(Context& context, const Submission& job, const std::vector<std::string>& command) {
  const Json params = params_of(job, command);
  context.client();  // before the signals are taken
  Resumable resumable(params.at("idempotency_key").get<std::string>());
  CancelOrDetach interrupts(context, job.quiet, [&resumable] { resumable.say(); });
  try {
    return follow_to_the_end(context, job, params, interrupts, resumable);
  } catch (const ApiError& e) {
    if (e.name() != "E_STOPPED") throw;
    resumable.say();
    return kCanceled;
  }
}

int submit(Context& context, const Submission& job, const std::vector<std::string>& command) {
  const Json params = params_of(job, command);
  if (job.accept_imported) must_know(context, "accept_imported", "--accept-imported");
  const Json submitted = context.client().call("SubmitJob", params);
  if (context.json) {
    put_json(out(), submitted.dump());
  } else {
    put(visible(submitted.at("job_id").get<std::string>()) + "\n");
    if (submitted.contains("producer_token"))
      note("producer token: " + submitted.at("producer_token").get<std::string>());
  }
  return 0;
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  const auto ran = std::make_shared<Submission>(), sent = std::make_shared<Submission>();
  CLI::App* verb = app.add_subcommand("run", "Run a command as a job and follow it to its end");
  add_options(*verb, *ran);
  verb->add_flag("-q,--quiet", ran->quiet, "Nothing but the job's own output");
  verb->footer(
      "The job's standard output and error come out byte for byte, and domectl exits with the\n"
      "command's own code; 128+N after signal N, 124 after a timeout, 130 when canceled, 127 when\n"
      "the command could not be started, 125 when domectl or the daemon failed.\n"
      "Ctrl-C once cancels the job; twice stops watching it and shows the command that resumes\n"
      "behind the last event that was written.  Where the output cannot be written any more, the\n"
      "job goes on: that ends with an error, and quietly with 141 where its reader is gone.  "
      "Signals\n"
      "that are ignored when it starts (nohup) stay ignored.  The job has the daemon's umask.\n\n"
      "Examples:\n"
      "  domectl run -- make -j8\n"
      "  domectl run --timeout 10m --env CI=1 --label branch=main -- ./test.sh\n"
      "  domectl run --tool unit-tests --task '{\"filter\":\"net\"}'");
  verb->callback([&context, ran] {
    context.failure = kOwnFailure;
    context.action = [&context, ran] { return run(context, *ran, context.command); };
  });

  verb = app.add_subcommand("submit", "Submit a job and print its id at once");
  add_options(*verb, *sent);
  verb->add_flag_callback(
      "--external", [sent] { sent->executor = "external"; },
      "Run nothing: a producer elsewhere reports the job (prints its token)");
  verb->footer(
      "Examples:\n  id=$(domectl submit -- ./nightly.sh); domectl follow $id\n"
      "  domectl submit --key build-1234 -- make   # never twice");
  verb->callback([&context, sent] {
    context.action = [&context, sent] { return submit(context, *sent, context.command); };
  });
}

}  // namespace domed::ctl

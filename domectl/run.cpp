#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "domectl/context.h"
#include "domectl/interrupt.h"
#include "domectl/keyboard.h"
#include "domectl/outcome.h"
#include "domectl/submission.h"
#include "domectl/table.h"
#include "domectl/watch.h"

namespace domed::ctl {
namespace {

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
    // The first Ctrl-C may have come while SubmitJob was under way: there was no job to name then.
    if (wanted_) cancel();
  }
  void leave() { stop_.request_stop(); }
  std::stop_token stop() const { return stop_.get_token(); }

 private:
  bool interrupted(int signal) {
    // A terminal that is closed is no wish to cancel: the job goes on, and can be followed from
    // another.
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

// The watch of a run's job, and words for who leaves it: from any thread.  Its lock comes before
// the watch's own, and neither is held over a call to the daemon: last words must come from a
// program that hangs, too.
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
  ask_for_features(context, job);
  FollowOptions options;
  options.stop = interrupts.stop();
  CallOptions call;
  call.stop = interrupts.stop();
  // Repeated by the client where its reply is lost: the key makes that harmless (IdempotentSubmit).
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
    // Its log is named from the beginning, as that of the first attempt was: whatever is followed
    // is the one that was meant (Identity).
    options.log_id = context.status_of(options.job_id, options.stop).at("log_id");
  }
}

int run(Context& context, const Submission& job, const std::vector<std::string>& command) {
  const Json params = params_of(context, job, command);
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
  const Json params = params_of(context, job, command);
  ask_for_features(context, job);
  const Json submitted = context.client().call("SubmitJob", params);
  if (context.json) {
    put_json(out(), submitted.dump());
  } else {
    put(visible(submitted.at("job_id").get<std::string>()) + "\n");
    if (!job.wait.empty()) note("it is " + visible(submitted.at("state").get<std::string>()));
    if (submitted.contains("producer_token"))
      note("producer token: " + submitted.at("producer_token").get<std::string>());
  }
  return 0;
}

}  // namespace

void add_run(CLI::App& app, Context& context) {
  const auto ran = std::make_shared<Submission>(), sent = std::make_shared<Submission>();
  CLI::App* verb = app.add_subcommand("run", "Run a command as a job and follow it to its end");
  add_submission_options(*verb, *ran);
  verb->add_flag("-q,--quiet", ran->quiet, "Nothing but the job's own output");
  const auto detach = std::make_shared<bool>(false);
  verb->add_flag("-d,--detach", *detach, "Print its id and leave it running, as 'submit' does");
  verb->footer(
      "The job's standard output and error come out byte for byte, and domectl exits with the\n"
      "command's own code; 128+N after signal N, 124 after a timeout, 130 when canceled, 127 when\n"
      "the command could not be started, 125 when domectl or the daemon failed.\n"
      "Ctrl-C once cancels the job; twice stops watching it and shows the command that resumes\n"
      "behind the last event that was written.  Where the output cannot be written any more, the\n"
      "job goes on: that ends with an error, and quietly with 141 where its reader is gone.  "
      "Signals\n"
      "that are ignored when it starts (nohup) stay ignored.  The job has the daemon's umask.\n"
      "The command begins with the first word that is no option, or behind '--', which is needed\n"
      "where an option of the command is also one of domectl's.\n\n"
      "Examples:\n"
      "  domectl run make -j8\n"
      "  domectl run --timeout 10m --env CI=1 --label branch=main -- ./test.sh\n"
      "  domectl run --tool unit-tests --task '{\"filter\":\"net\"}'");
  verb->callback([&context, ran, detach] {
    context.failure = kOwnFailure;
    context.action = [&context, ran, detach] {
      return *detach ? submit(context, *ran, context.command) : run(context, *ran, context.command);
    };
  });

  verb = app.add_subcommand("submit", "Submit a job and print its id at once");
  add_submission_options(*verb, *sent);
  verb->add_flag_callback(
      "--external", [sent] { sent->executor = "external"; },
      "Run nothing: a producer elsewhere reports the job (prints its token)");
  verb->add_option("--expires", sent->expires,
                   "With --external: the job fails when its producer is silent for so long")
      ->type_name("TIME");
  verb->add_option("--wait", sent->wait,
                   "Let the answer wait for the job's end for so long, 10s at most; --json has it")
      ->type_name("TIME");
  verb->footer(
      "Examples:\n  id=$(domectl submit ./nightly.sh); domectl follow $id\n"
      "  domectl submit --key build-1234 -- make   # never twice");
  verb->callback([&context, sent] {
    context.action = [&context, sent] { return submit(context, *sent, context.command); };
  });
}

}  // namespace domed::ctl

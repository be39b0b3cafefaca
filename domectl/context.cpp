#include "domectl/context.h"

#include <chrono>
#include <cstring>
#include <thread>

#include "base/version.h"
#include "base/words.h"
#include "domectl/outcome.h"
#include "domectl/terminal.h"
#include "protocol/endpoint.h"

namespace domed::ctl {
namespace {

constexpr int kUsage = 2;

// What the error's fields suggest to do.
std::string hint(const ApiError& error) {
  const auto head = number_field(error, "head"), first = number_field(error, "first");
  if (error.name() == "E_COMPACTED" && first)
    return " (the oldest event kept is " + std::to_string(*first) + ": use --since " +
           std::to_string(*first - 1) + ")";
  if (error.name() == "E_CURSOR_AHEAD" && head)
    return " (the newest event is " + std::to_string(*head) + ")";
  return "";
}

void describe(CLI::App& app, Context& context) {
  app.description("domectl: runs jobs on a domed daemon, and looks at them");
  app.set_version_flag("--version", std::string("domectl ") + kVersion);
  app.add_option("--endpoint", context.endpoint,
                 "Control URL of the daemon (default: DOMED_ENDPOINT, then the user's own)")
      ->type_name("URL");
  app.add_flag("--json", context.json, "Machine-readable output");
  app.require_subcommand(1);
  app.footer(
      "Examples:\n"
      "  domectl run -- make test          # run, watch, exit with its code\n"
      "  domectl list --state running\n"
      "  domectl follow JOB --json\n"
      "'domectl VERB --help' tells more about each.");
}

// CLI11 would only say that a verb is missing.
std::string unknown_verb(const CLI::App& app) {
  const auto rest = app.remaining();
  if (!app.get_subcommands().empty() || rest.empty() || rest.front().starts_with('-')) return "";
  std::vector<std::string> verbs;
  for (const CLI::App* verb : app.get_subcommands({})) verbs.push_back(verb->get_name());
  return "there is no verb " + in_quotes(rest.front()) + did_you_mean(rest.front(), verbs) +
         "; 'domectl --help' lists them";
}

int usage(const CLI::App& app, const CLI::ParseError& error, const Context& context) {
  if (const std::string text = unknown_verb(app); !text.empty()) {
    note(text);
    return kUsage;
  }
  const int code = app.exit(error);
  if (code == 0) return 0;
  if (dynamic_cast<const CLI::ExtrasError*>(&error) &&
      (app.got_subcommand("run") || app.got_subcommand("submit")))
    note("write the job's command behind '--': domectl run -- COMMAND");
  return context.failure == kOwnFailure ? kOwnFailure : kUsage;
}

int act(const Context& context) {
  try {
    const int code = context.action();
    if (std::fflush(stdout) != 0) throw Error(Code::io, "cannot write the output");
    return code;
  } catch (const UsageError& e) {
    note(e.what());
    return context.failure == kOwnFailure ? kOwnFailure : kUsage;
  } catch (const ApiError& e) {
    note(e.name() + ": " + e.what() + hint(e));
  } catch (const std::exception& e) {
    note(e.what());
  }
  return context.failure;
}

// Cuts "--" and what follows off; CLI11 would mix it with positionals.
int cut_command(int argc, char** argv, std::vector<std::string>& command) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--") != 0) continue;
    command.assign(argv + i + 1, argv + argc);
    return i;
  }
  return argc;
}

}  // namespace

Client& Context::client() {
  if (!client_) client_.emplace(control_endpoint(endpoint));
  return *client_;
}

Json Context::status_of(const std::string& job_id, std::stop_token stop) {
  CallOptions options;
  options.stop = std::move(stop);
  for (int patience = 100;; --patience) try {
      return client().call("GetJobStatus", {{"job_id", job_id}}, options);
    } catch (const ApiError& e) {
      if (e.name() != "E_NOT_FOUND" || patience == 0) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
}

std::string Context::endpoint_option() const {
  return endpoint.empty() ? "" : "--endpoint " + endpoint + " ";
}

int run_domectl(int argc, char** argv) {
  Context context;
  CLI::App app;
  describe(app, context);
  app.fallthrough();
  add_run(app, context);
  add_follow(app, context);
  add_jobs(app, context);
  add_turns(app, context);
  add_append(app, context);
  add_daemon(app, context);
  add_provenance(app, context);
  add_copies(app, context);
  const int given = cut_command(argc, argv, context.command);
  try {
    app.parse(given, argv);
  } catch (const CLI::ParseError& e) {
    if (app.got_subcommand("run")) context.failure = kOwnFailure;
    return usage(app, e, context);
  }
  return act(context);
}

}  // namespace domed::ctl

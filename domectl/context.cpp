#include "domectl/context.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <sstream>
#include <thread>

#include "base/exit_code.h"
#include "base/units.h"
#include "base/version.h"
#include "base/words.h"
#include "client/contexts.h"
#include "domectl/arguments.h"
#include "domectl/completion.h"
#include "domectl/domectl.h"
#include "domectl/outcome.h"
#include "domectl/report.h"
#include "domectl/sink.h"
#include "domectl/terminal.h"
#include "protocol/endpoint.h"
#include "system/boot_clock.h"

namespace domed::ctl {
namespace {

// For a daemon that was started just before, as in "domed & domectl run ...".
constexpr std::chrono::seconds kUnseen{2}, kStarting{10};

void describe(CLI::App& app, Context& context) {
  app.description("domectl: runs jobs on a domed daemon, and looks at them");
  app.set_version_flag("--version", std::string("domectl ") + kVersion);
  app.add_option(
         "--endpoint", context.endpoint,
         "Control URL of the daemon, or several with commas between, of nodes on one store: "
         "where one fails the next goes on (default: DOMED_ENDPOINT, then the user's own)")
      ->type_name("URL[,URL]");
  app.add_option("--endpoint-user", context.endpoint_user,
                 "User whose daemon that is, where it is neither you nor root (default: "
                 "DOMED_ENDPOINT_USER)")
      ->type_name("USER");
  app.add_option("--connect-wait", context.connect_wait,
                 "How long to wait for a daemon that does not listen yet; 0s: not at all (default: "
                 "2s, or 10s where one is starting)")
      ->type_name("TIME");
  app.add_option(
         "--context", context.place,
         "A daemon of ~/.config/domed/client.yaml (default: DOMED_CONTEXT, then the one that "
         "'context use' chose)")
      ->type_name("NAME");
  const auto file = [&app](const char* name, std::string& to, const char* what) {
    app.add_option(name, to, what)->type_name("FILE");
  };
  file("--ca", context.ca,
       "Over tls+tcp: who signs daemons (default: DOMED_CA, then the system's)");
  file("--cert", context.cert, "Over tls+tcp: your certificate (default: DOMED_CERT)");
  file("--key", context.key, "Its key (default: DOMED_KEY)");
  file("--token-file", context.token_file,
       "What says who you are, but over ipc (default: DOMED_TOKEN_FILE)");
  app.add_flag("--json", context.json, "Machine-readable output");
  app.require_subcommand(1);
}

// Behind the verbs, which would have it too; a verb's help has its own.
void give_examples(CLI::App& app) {
  app.footer(
      "Examples:\n"
      "  domectl run make test             # run, watch, exit with its code\n"
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
  // As others call it.
  for (const auto& [theirs, ours] :
       {std::pair{"ps", "list"}, {"ls", "list"},          {"get", "list"},
        {"queue", "list"},       {"top", "list --watch"}, {"tail", "follow"},
        {"watch", "follow"},     {"cat", "logs"},         {"log", "logs"},
        {"inspect", "status"},   {"describe", "status"},  {"show", "status"},
        {"kill", "cancel"},      {"stop", "cancel"},      {"rm", "delete"},
        {"exec", "attach"},      {"restart", "retry"},    {"rerun", "retry"},
        {"start", "release"},    {"enqueue", "release"}})
    if (rest.front() == theirs)
      return "there is no verb " + in_quotes(theirs) + ": try 'domectl " + ours +
             "'; 'domectl --help' lists them";
  return "there is no verb " + in_quotes(rest.front()) + did_you_mean(rest.front(), verbs) +
         "; 'domectl --help' lists them";
}

int usage_code(const Context& context) {
  return context.failure == kOwnFailure ? kOwnFailure : kUsage;
}

// What a CLI::ParseError asks for: help, the version, or a word about what is wrong.
int usage(const CLI::App& app, const CLI::ParseError& error, const Context& context) {
  std::ostringstream help, wrong;
  // Help and version are output, and go the way of all output: "domectl --help | head" ends
  // quietly.
  if (app.exit(error, help, wrong) == 0) {
    put(help.str());
    return 0;
  }
  std::string text = unknown_verb(app);
  if (text.empty()) text = std::string(error.what()) + "; --help tells more";
  if (dynamic_cast<const CLI::ExtrasError*>(&error) &&
      (app.got_subcommand("run") || app.got_subcommand("submit")))
    text += "; what is the command's own stands behind it: domectl run COMMAND ...";
  report_usage(text, context.json);
  return usage_code(context);
}

// Whatever "action" does wrong is told, and gives the exit code.
int reported(const Context& context, const std::function<int()>& action) {
  try {
    return action();
  } catch (const ReaderGone&) {
    return kReaderGone;
  } catch (const UsageError& e) {
    report_usage(e.what(), context.json);
    return usage_code(context);
  } catch (const ApiError& e) {
    // Stopped by a signal, of which the user knows.
    if (e.name() == "E_STOPPED") return kCanceled;
    report(e, context.json);
  } catch (const std::exception& e) {
    report(e.what(), context.json);
  }
  return context.failure;
}

// What was put before it failed is output too; what cannot be written is a failure itself.
int act(const Context& context, const std::function<int()>& action) {
  const int code = reported(context, action);
  // Its own failure comes first, the output's second; a reader that left says more than either
  // (141).
  const int written = reported(context, [] {
    out().finish();
    return 0;
  });
  return written == 0 || (code != 0 && written != kReaderGone) ? code : written;
}

// Why nothing happens: a person would else take it for a hang.
void say_trouble(const ApiError* error) {
  note(error ? "trying again: " + in_own_words(*error) : "the daemon goes on");
}

Patience patience_of(const Context& context) {
  Patience out{kUnseen, kStarting, [json = context.json](const std::string& url) {
                 if (!json) note("a daemon is starting at " + url + ": waiting for it");
               }};
  if (context.connect_wait.empty()) return out;
  out.unseen = out.starting = std::chrono::ceil<std::chrono::milliseconds>(
      duration_of(context.connect_wait, "--connect-wait"));
  return out;
}

// As it stands on the command line.
std::string given_options(const Context& context) {
  std::string out;
  for (const auto& [name, value] : {std::pair{"--context ", &context.place},
                                    {"--endpoint ", &context.endpoint},
                                    {"--endpoint-user ", &context.endpoint_user},
                                    {"--ca ", &context.ca},
                                    {"--cert ", &context.cert},
                                    {"--key ", &context.key},
                                    {"--token-file ", &context.token_file}})
    if (!value->empty()) out += name + *value + " ";
  return out;
}

// A name that is none is a word of the command line that is wrong.
void take_place(Context& context) try {
  const NamedDaemon daemon = chosen_daemon({context.endpoint, context.endpoint_user, context.ca,
                                            context.cert, context.key, context.token_file},
                                           context.place);
  context.endpoint = daemon.endpoint;
  context.endpoint_user = daemon.endpoint_user;
  context.ca = daemon.ca;
  context.cert = daemon.cert;
  context.key = daemon.key;
  context.token_file = daemon.token_file;
} catch (const Error& e) {
  if (e.code() == Code::not_found) throw UsageError(e.what());
  throw;
}

}  // namespace

Client& Context::client() {
  if (client_) return *client_;
  client_.emplace(control_endpoint(endpoint), patience_of(*this),
                  json ? Trouble::Tell() : Trouble::Tell(say_trouble));
  if (!json)
    client_->tell_moves([](const std::string& from, const std::string& to) {
      note("no more answers from " + from + ": going on at " + to);
    });
  return *client_;
}

std::vector<std::string> Context::own_words() const {
  std::vector<std::string> out{"domectl"};
  if (!endpoint.empty()) out.push_back("--endpoint=" + endpoint);
  return out;
}

std::string Context::find_job(const std::string& text) try {
  return client().call("FindJob", {{"text", text}}).at("job_id").get<std::string>();
} catch (const ApiError& e) {
  // A daemon from before it knows whole ids only.
  if (e.name() == "E_UNKNOWN_METHOD") return text;
  throw;
}

// As domed makes them.
bool Context::is_whole_id(const std::string& text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Json Context::status_of(const std::string& job_id, std::stop_token stop) {
  CallOptions options;
  options.stop = std::move(stop);
  // Ten seconds.  A next attempt's log is made in a commit of its own, behind the one that told of
  // it.
  for (int patience = 100;; --patience) try {
      return client().call("GetJobStatus", {{"job_id", job_id}}, options);
    } catch (const ApiError& e) {
      if (e.name() != "E_NOT_FOUND" || patience == 0) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
}

bool Context::knows(const std::string& feature) {
  if (!features_)
    features_ = client().call("ListCapabilities", Json::object()).value("features", Json::array());
  return std::find(features_->begin(), features_->end(), feature) != features_->end();
}

// A daemon that does not know it would refuse the whole request, in other words.
void Context::must_know(const std::string& feature, const std::string& what) {
  if (!knows(feature))
    throw UsageError("this daemon does not know " + what +
                     ": it is of an older version than this domectl");
}

std::int64_t Context::daemon_now() {
  const auto uptime = [] {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               BootClock::now().time_since_epoch())
        .count();
  };
  if (!daemon_clock_) {
    const std::string time = client().call("Health", Json::object()).value("time", "");
    daemon_clock_ = parse_time(time).value_or(now_micros()) - uptime();
  }
  return *daemon_clock_ + uptime();
}

// For a mark beside a time, no more: whoever follows does not wait long for it.
std::string created_at(Context& context, const std::string& job_id) try {
  CallOptions options;
  options.deadline = std::chrono::seconds(2);
  const Json status = context.client().call("GetJobStatus", {{"job_id", job_id}}, options);
  return status.value("created_at", "");
} catch (const ApiError&) {
  return "";
}

int run_domectl(int argc, char** argv) {
  Context context;
  CLI::App app;
  describe(app, context);
  app.fallthrough();
  add_run(app, context);
  add_follow(app, context);
  add_status(app, context);
  add_list(app, context);
  add_changes(app, context);
  add_waits(app, context);
  add_logs(app, context);
  add_attach(app, context);
  add_less(app, context);
  add_append(app, context);
  add_daemon(app, context);
  add_nodes(app, context);
  add_cluster(app, context);
  add_who(app, context);
  add_new_plugin(app, context);
  add_contexts(app, context);
  add_provenance(app, context);
  add_copies(app, context);
  add_backup(app, context);
  add_completion(app, context);
  give_examples(app);
  take_texts_whole(app);
  // Of a command line that is not whole yet: it is not parsed.
  if (argc > 1 && std::string_view(argv[1]) == "--complete")
    return act(context, [&] { return complete(app, {argv + 2, argv + argc}, context); });
  const Arguments arguments(app, argc, argv);
  context.command = arguments.command;
  context.json = arguments.json;  // for errors of the parsing
  if (arguments.verb == "run") context.failure = kOwnFailure;
  return act(context, [&] {
    try {
      arguments.parse(app);
    } catch (const CLI::ParseError& e) {
      return usage(app, e, context);
    }
    context.endpoint_option = given_options(context);
    if (!app.got_subcommand("context")) take_place(context);
    // Every connection of ours goes by the variable, and no thread is there yet to read it.
    for (const auto& [name, value] : {std::pair{"DOMED_ENDPOINT_USER", &context.endpoint_user},
                                      {"DOMED_CA", &context.ca},
                                      {"DOMED_CERT", &context.cert},
                                      {"DOMED_KEY", &context.key},
                                      {"DOMED_TOKEN_FILE", &context.token_file}})
      if (!value->empty()) setenv(name, value->c_str(), 1);
    return context.action();
  });
}

}  // namespace domed::ctl

#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <regex>
#include <thread>

#include "base/exit_code.h"
#include "base/unsignalled.h"
#include "base/version.h"
#include "deployment/effective.h"
#include "deployment/store_key.h"
#include "deployment/who_may.h"
#include "loader/describe.h"
#include "main/daemon.h"
#include "main/log.h"
#include "main/maintenance.h"
#include "main/notify.h"
#include "main/settings.h"
#include "system/installation.h"

extern "C" {
// Read by jemalloc before anything runs, where it is the allocator: what a burst took goes back to
// the system soon, also from threads that have nothing more to do, and many threads share a few
// heaps (docs/performance.md).
const char* malloc_conf = "background_thread:true,dirty_decay_ms:200,muzzy_decay_ms:0,narenas:4";
}

namespace domed {
namespace {

struct CommandLine {
  std::string config, explain;
  std::string restore;
  bool check = false, print_config = false, check_store = false, list_plugins = false,
       replace = false;
};

std::filesystem::path config_file(const std::string& given) {
  if (!given.empty()) return given;
  const char* home = std::getenv("HOME");
  const char* config = std::getenv("XDG_CONFIG_HOME");
  const std::filesystem::path own = config && *config
                                        ? std::filesystem::path(config)
                                        : std::filesystem::path(home ? home : "/") / ".config";
  for (const auto& file :
       {own / "domed" / "domed.yaml", this_installation() / "etc" / "domed" / "domed.yaml",
        std::filesystem::path("/etc/domed/domed.yaml")})
    if (std::filesystem::exists(file)) return file;
  throw Error(Code::not_found, "no deployment: give one with --config FILE, or put one at " +
                                   (own / "domed" / "domed.yaml").string() +
                                   " or /etc/domed/domed.yaml");
}

void print_doors(const std::vector<Listener>& listeners, Audience audience) {
  for (const Listener& listener : listeners) {
    std::printf("  %s\n", listener.url.c_str());
    for (const auto& line : who_may(listener, audience)) std::printf("    %s\n", line.c_str());
  }
}

// Every plugin is tried, so that one run shows all that cannot be used.
int check(const Deployment& deployment) {
  std::string plugins, problems;
  const auto load = [&](const PluginUse& use) {
    try {
      const Plugin plugin(use.manifest);
      plugins += "  " + use.manifest.name + " " + use.manifest.version + " (" + use.manifest.kind +
                 "), abi " + plugin.abi() + "\n";
    } catch (const Error& e) {
      problems += use.place + e.what() + "\n";
    }
  };
  load(deployment.store);
  for (const auto& use : deployment.provenance) load(use);
  if (const std::string problem = cluster_problem(deployment); !problem.empty())
    problems += deployment.file.string() + ": " + problem + "\n";
  if (problems.empty()) {
    std::printf("%s: ok\n%s", deployment.file.c_str(), plugins.c_str());
    if (!deployment.store_keys.empty())
      std::printf("  %s\n", in_words(deployment.store_keys).c_str());
    print_doors(deployment.control_listen, Audience::control);
    print_doors(deployment.events_listen, Audience::events);
  }
  std::fputs(problems.c_str(), stderr);
  if (problems.empty() && deployment.cluster)
    for (const auto& line : beside_settings(deployment)) std::fprintf(stderr, "%s\n", line.c_str());
  return problems.empty() ? 0 : 1;
}

// That the store is not what was opened any more: a signal, for the main thread waits for those.
constexpr int kStale = SIGUSR2;
constexpr timespec kNow{0, 0}, kSecond{1, 0};

// As after a restart, which clients and runners live through as they do through any.  All that
// memory knew may be wrong, so nothing of it is kept.  Null: told to end before the store was back.
std::unique_ptr<Daemon> made_anew(const Deployment& deployment, const sigset_t& ends,
                                  const std::function<void()>& stale) {
  sigset_t old;
  sigemptyset(&old);
  sigaddset(&old, kStale);
  for (;;) try {
      sigtimedwait(&old, nullptr, &kNow);  // of the daemon that is gone
      return std::make_unique<Daemon>(deployment, stale);
    } catch (const Error& e) {
      spdlog::error("cannot serve again yet: {}", e.what());
      tell_service_manager(
          "WATCHDOG=1");  // there is no daemon that could, and it is no reason to end
      const int signal = sigtimedwait(&ends, nullptr, &kSecond);
      if (signal == SIGTERM || signal == SIGINT) return nullptr;
    }
}

// Serves until SIGTERM or SIGINT; a second one ends a drain.  SIGHUP has it reload.
int serve(const Deployment& deployment) {
  sigset_t ends;
  sigemptyset(&ends);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, kStale}) sigaddset(&ends, signal);
  const auto stale = [] { kill(getpid(), kStale); };
  auto daemon = std::make_unique<Daemon>(deployment, stale);
  // Only now: what was started behind us may ask at once.
  tell_service_manager("READY=1");
  int signal = 0;
  while (sigwait(&ends, &signal) == 0 && (signal == kStale || signal == SIGHUP)) {
    if (signal == SIGHUP) {
      tell_service_manager(reloading());
      try {
        daemon->reload();
      } catch (const Error&) {  // the log has it, and all is as it was
      }
      tell_service_manager("READY=1");
      continue;
    }
    spdlog::warn("the store is not what was opened any more: it is opened anew");
    // The old one first: the new one needs its store, its addresses and its lock on the state_dir.
    const Deployment present = daemon->deployment();
    daemon.reset();
    daemon = made_anew(present, ends, stale);
    if (!daemon) return 0;
  }
  tell_service_manager("STOPPING=1");
  if (daemon->deployment().jobs.drain_at_shutdown) {
    spdlog::info("waiting for the running jobs to end; a second signal leaves them");
    const std::jthread waiter([&daemon](const std::stop_token& stop) {
      // The last job's end or a second signal, whichever comes first: a signal either way, for the
      // main thread waits for those and cannot wait for anything beside them.
      if (daemon->drain(stop)) kill(getpid(), SIGTERM);
    });
    for (const int unheard : {kStale, SIGHUP}) sigdelset(&ends, unheard);
    sigwait(&ends, &signal);
  }
  spdlog::info("stopping");
  return 0;
}

// Without a deployment only the installation is searched: what lies in the
// current directory is a stranger's.
std::vector<std::filesystem::path> plugin_dirs_for(const std::string& config) {
  if (!config.empty()) return load_deployment(config).plugin_path;
  auto dirs = plugin_dirs({"plugins"}, this_installation(), this_installation());
  dirs.erase(std::unique(dirs.begin(), dirs.end()), dirs.end());
  return dirs;
}

int run(const CommandLine& line) {
  if (line.list_plugins || !line.explain.empty()) {
    const auto dirs = plugin_dirs_for(line.config);
    if (line.list_plugins)
      std::fputs(list_plugins(dirs).c_str(), stdout);
    else
      std::fputs(explain(load_manifest(find_plugin(line.explain, dirs))).c_str(), stdout);
    return 0;
  }
  const Deployment deployment = load_deployment(config_file(line.config));
  const bool says_only = line.check || line.print_config;
  const auto warn = [&](const std::string& text) {
    deployment.log.as_json && !says_only
        ? log_warning(text)
        : static_cast<void>(std::fprintf(stderr, "%s\n", text.c_str()));
  };
  if (!says_only) use_log(deployment.log.level, open_log_target(deployment.log));
  for (const auto& warning : deployment.warnings) warn(warning);
  if (line.check) return check(deployment);
  if (line.print_config) {
    std::fputs(effective_yaml(deployment).c_str(), stdout);
    return 0;
  }
  if (line.check_store) return check_whole_store(deployment);
  if (!line.restore.empty()) return restore_store(deployment, line.restore, line.replace);
  return serve(deployment);
}

// Problems of a deployment begin with their own place, and editors look for it
// at the beginning of a line.
void complain(const std::exception& e) {
  static const std::regex kPlaced("^[^\n]+:[0-9]+:[0-9]+: ");
  const bool placed = std::regex_search(e.what(), kPlaced, std::regex_constants::match_continuous);
  std::fprintf(stderr, "%s%s\n", placed ? "" : "domed: ", e.what());
}

}  // namespace
}  // namespace domed

int main(int argc, char** argv) {
  // Before there is any other thread: each inherits the mask, so that signals wait for serve().
  domed::block_signals();
  CLI::App app{"domed: job events that are never lost, repeated or reordered"};
  domed::CommandLine line;
  app.set_version_flag("--version", std::string("domed ") + domed::kVersion);
  app.add_option("--config", line.config, "The deployment to serve (YAML)")->type_name("FILE");
  app.add_flag("--check", line.check,
               "Report every problem of the deployment, load its plugins, and exit");
  app.add_flag("--print-config", line.print_config,
               "Print all that holds, defaults included, as a deployment; secrets are masked");
  app.add_flag("--check-store", line.check_store,
               "Read everything in the store, report all that is not as it was written, and exit");
  const auto restore =
      app.add_option("--restore", line.restore,
                     "Put a copy that 'domectl backup' made into the store, and exit")
          ->type_name("FILE");
  app.add_flag("--replace", line.replace, "With --restore: in the place of the jobs that are there")
      ->needs(restore);
  app.add_flag("--list-plugins", line.list_plugins, "List the plugins that can be found");
  app.add_option("--explain", line.explain,
                 "Print an annotated fragment of a deployment for a plugin")
      ->type_name("PLUGIN");
  app.footer(
      "Without --config the deployment is ~/.config/domed/domed.yaml, then etc/domed/domed.yaml of "
      "the installation, then /etc/domed/domed.yaml.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : domed::kUsage;
  }
  try {
    return domed::run(line);
  } catch (const std::exception& e) {
    domed::complain(e);
    return 1;
  }
}

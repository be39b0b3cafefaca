#include <malloc.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <regex>
#include <thread>

#include "base/exit_code.h"
#include "base/version.h"
#include "loader/describe.h"
#include "main/daemon.h"
#include "main/log.h"
#include "system/installation.h"
#include "transport/nng/socket.h"

namespace domed {
namespace {

struct CommandLine {
  std::string config, explain;
  bool check = false, list_plugins = false;
};

std::filesystem::path config_file(const std::string& given) {
  if (!given.empty()) return given;
  const char* home = std::getenv("HOME");
  const char* config = std::getenv("XDG_CONFIG_HOME");
  const std::filesystem::path own = config && *config
                                        ? std::filesystem::path(config)
                                        : std::filesystem::path(home ? home : "/") / ".config";
  for (const auto& file :
       {own / "domed" / "domed.yaml", std::filesystem::path("/etc/domed/domed.yaml")})
    if (std::filesystem::exists(file)) return file;
  throw Error(Code::not_found, "no deployment: give one with --config FILE, or put one at " +
                                   (own / "domed" / "domed.yaml").string() +
                                   " or /etc/domed/domed.yaml");
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
  if (problems.empty()) std::printf("%s: ok\n%s", deployment.file.c_str(), plugins.c_str());
  std::fputs(problems.c_str(), stderr);
  return problems.empty() ? 0 : 1;
}

// Serves until SIGTERM or SIGINT; a second one ends a drain.
int serve(const Deployment& deployment) {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  Daemon daemon(deployment);
  int signal = 0;
  sigwait(&ends, &signal);
  if (deployment.jobs.drain_at_shutdown) {
    spdlog::info("waiting for the running jobs to end; a second signal leaves them");
    const std::jthread waiter([&daemon](const std::stop_token& stop) {
      if (daemon.drain(stop)) kill(getpid(), SIGTERM);
    });
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
  for (const auto& warning : deployment.warnings) std::fprintf(stderr, "%s\n", warning.c_str());
  if (line.check) return check(deployment);
  set_up_log(deployment.log_level);
  return serve(deployment);
}

// Problems of a deployment begin with their own place, and editors look for it
// at the beginning of a line.
void complain(const std::exception& e) {
  static const std::regex kPlaced("^[^\n]+:[0-9]+:[0-9]+: ");
  const bool placed = std::regex_search(e.what(), kPlaced, std::regex_constants::match_continuous);
  std::fprintf(stderr, "%s%s\n", placed ? "" : "domed: ", e.what());
}

// Requests and pages are allocated by one thread and freed by another, up to megabytes
// at a time: few arenas, and no way to the system and back for each (docs/performance.md).
void reuse_memory() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_MMAP_THRESHOLD, 16 << 20);
  mallopt(M_TRIM_THRESHOLD, 16 << 20);
}

}  // namespace
}  // namespace domed

int main(int argc, char** argv) {
  domed::block_signals();
  domed::reuse_memory();
  CLI::App app{"domed: job events that are never lost, repeated or reordered"};
  domed::CommandLine line;
  app.set_version_flag("--version", std::string("domed ") + domed::kVersion);
  app.add_option("--config", line.config, "The deployment to serve (YAML)")->type_name("FILE");
  app.add_flag("--check", line.check,
               "Report every problem of the deployment, load its plugins, and exit");
  app.add_flag("--list-plugins", line.list_plugins, "List the plugins that can be found");
  app.add_option("--explain", line.explain,
                 "Print an annotated fragment of a deployment for a plugin")
      ->type_name("PLUGIN");
  app.footer(
      "Without --config the deployment is ~/.config/domed/domed.yaml, then /etc/domed/domed.yaml.");
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

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/unsignalled.h"
#include "nodes.h"
#include "soak.h"

namespace {

std::string plan_names() {
  std::string out = "random";
  for (const auto& plan : domed::faults::plans()) out += std::string(", ") + plan.name;
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  domed::block_signals();
  domed::soak::Options options;
  options.seed = std::random_device()();
  CLI::App app{
      "domed-soak: random load on a real daemon under random faults, checked by the contract's "
      "clauses"};
  app.add_option("--bin", options.bin, "Directory of domed, domectl and domed-runner")->required();
  app.add_option("--plugins", options.plugins, "Directory of the plugins")->required();
  app.add_option("--store", options.store, "The store to run on");
  std::vector<std::string> set;
  app.add_option("--set", set, "An option of the store, K=V; may be repeated")
      ->expected(1)
      ->take_all();
  app.add_flag("--forgets", options.forgets,
               "The store goes with its daemon, as store-memory does: it is not restarted");
  app.add_option("--disturb", options.disturb,
                 "Make this file now and then, which a store was told to be disturbed by")
      ->type_name("FILE");
  app.add_option("--seed", options.seed, "Repeats a run's choices (not its timing)");
  app.add_option("--seconds", options.seconds, "How long");
  app.add_option("--plan", options.plan, "What happens to messages: " + plan_names());
  app.add_option("--kills", options.kills,
                 "Until the daemon was killed so often, instead of a time");
  app.add_option("--jobs", options.jobs,
                 "So many short jobs, each with a follower, instead of a time");
  app.add_option("--producers", options.producers, "Producers at a time");
  app.add_option("--followers", options.followers, "Followers at a time");
  app.add_option("--nodes", options.nodes,
                 "So many daemons on one database, which are killed, paused and cut off from it")
      ->check(CLI::Range(1, 26));
  app.add_option(
         "--server", options.server,
         "For --nodes: the PostgreSQL of tests/stores/with_postgres.sh (tests/soak/nodes.sh)")
      ->type_name("DIRECTORY");
  app.add_flag("--failover", options.failover,
               "For --nodes: the database has a synchronous standby, which takes its place once");
  app.add_option("--keep", options.keep, "Keep the history in this file")->type_name("FILE");
  CLI11_PARSE(app, argc, argv);
  try {
    if (options.store == "store-memory") options.forgets = true;
    for (const auto& option : set)
      options.store_options += (options.store_options.empty() ? "" : ", ") +
                               option.substr(0, option.find('=')) + ": \"" +
                               option.substr(option.find('=') + 1) + "\"";
    if (options.kills > 0 && options.forgets)
      throw std::invalid_argument(
          "--kills needs a durable store: this one forgets its jobs with the daemon");
    if (options.nodes > 1 && options.server.empty())
      throw std::invalid_argument("--nodes needs a --server, as tests/soak/nodes.sh has one");
    if (options.nodes > 1) return domed::soak::NodesSoak(options).run() ? 0 : 1;
    return domed::soak::Soak(options).run() ? 0 : 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "domed-soak: %s\n", e.what());
    return 2;
  }
}

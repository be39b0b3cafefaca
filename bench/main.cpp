// domed-bench: what a real daemon does, beside what the machine gives without it.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "bench/child.h"
#include "bench/peer.h"
#include "bench/verbs.h"

namespace {

using namespace domed::bench;

constexpr int kSkipped = 77;  // as test runners know it

void add_options(CLI::App& app, Options& options) {
  app.add_option("--repeats", options.repeats, "Runs; medians are reported")
      ->check(CLI::Range(1, 100));
  app.add_option("--scale", options.scale, "Of the sizes; below 1 the figures mean nothing");
  app.add_flag("--json", options.json, "One JSON object a verb");
  app.add_option("--bin", options.bin, "Where domed and domed-runner are");
  app.add_option("--plugins", options.plugins, "Where the store's manifest is");
  app.add_option("--dir", options.dir, "Where databases go: the disk that is measured");
  app.add_option("--store", options.store, "The store's plugin");
  app.add_option("--set",
                 "An option of the store, KEY=VALUE; may be repeated.  {fresh} in it becomes "
                 "another name each time")
      ->expected(1)
      ->take_all()
      ->each([&options](const std::string& text) {
        const std::size_t equals = text.find('=');
        if (equals == 0 || equals == std::string::npos)
          throw CLI::ValidationError("--set", "needs KEY=VALUE, is '" + text + "'");
        options.set[text.substr(0, equals)] = text.substr(equals + 1);
      });
  app.add_option("--synchronous", options.synchronous, "full or normal, for store-sqlite");
}

// What one verb alone takes.
void add_own_options(CLI::App& app, Options& options) {
  app.get_subcommand("peer")
      ->add_option("server", options.peer, "redis or postgres")
      ->required()
      ->check(CLI::IsMember({"redis", "postgres"}));
  app.get_subcommand("live")->add_flag("--stock", options.stock,
                                       "By nng's own REQ and SUB instead of our client");
}

int run(const Verb& verb, const Options& options) try {
  Report report(verb.name);
  verb.run(options, report);
  std::printf("%s%s", options.json ? report.json().dump().c_str() : report.text().c_str(),
              options.json ? "\n" : "");
  return 0;
} catch (const Skip& why) {
  std::fprintf(stderr, "domed-bench %s: skipped: %s\n", verb.name, why.what());
  return kSkipped;
} catch (const std::exception& e) {
  std::fprintf(stderr, "domed-bench %s: %s\n", verb.name, e.what());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures domed on this machine.");
  Options options;
  options.bin = own_directory();
  options.plugins = own_directory() + "/../plugins";
  const Verb* chosen = nullptr;
  for (const Verb& verb : kVerbs)
    app.add_subcommand(verb.name, verb.about)->fallthrough()->callback([&] { chosen = &verb; });
  add_own_options(app, options);
  std::string role, params;
  CLI::App* worker =
      app.add_subcommand("worker", "A load generator; started by the others")->group("");
  worker->add_option("role", role);
  worker->add_option("params", params);
  add_options(app, options);
  app.require_subcommand(1);
  CLI11_PARSE(app, argc, argv);
  return chosen ? run(*chosen, options) : run_role(role, params);
}

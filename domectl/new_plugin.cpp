// A project for a new plugin.  It is made by domed-new-plugin, which comes with what such a project
// needs (domed-dev), and where no domectl need be.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "domectl/context.h"
#include "system/installation.h"

namespace domed::ctl {
namespace {

struct NewPlugin {
  std::string kind, name, directory;
};

int make(const NewPlugin& given) {
  const std::string program = this_installation() / "bin" / "domed-new-plugin";
  const char* directory = given.directory.empty() ? nullptr : given.directory.c_str();
  execl(program.c_str(), "domed-new-plugin", given.kind.c_str(), given.name.c_str(), directory,
        nullptr);
  throw UsageError("cannot run " + program + ": " + std::strerror(errno) +
                   "; it comes with the package domed-dev, as do the headers that a plugin needs");
}

}  // namespace

void add_new_plugin(CLI::App& app, Context& context) {
  const auto given = std::make_shared<NewPlugin>();
  CLI::App* verb = app.add_subcommand(
      "new-plugin", "Make a project for a plugin: it builds and passes the conformance suite");
  verb->add_option("kind", given->kind, "store or provenance")
      ->required()
      ->check(CLI::IsMember({"store", "provenance"}));
  verb->add_option("name", given->name, "What it is called behind that, such as redis")
      ->required()
      ->type_name("NAME");
  verb->add_option("--directory", given->directory, "Where to make it (default: ./KIND-NAME)")
      ->type_name("DIR");
  verb->footer(
      "No daemon is asked.  It needs the package domed-dev.\n\n"
      "Example:\n"
      "  domectl new-plugin store redis && cd store-redis\n"
      "  cmake -B build && cmake --build build && ctest --test-dir build");
  verb->callback([&context, given] { context.action = [given] { return make(*given); }; });
}

}  // namespace domed::ctl

#include "client/contexts.h"

#include <algorithm>
#include <memory>

#include "domectl/context.h"
#include "domectl/screen_line.h"
#include "domectl/table.h"
#include "domed/error.h"

namespace domed::ctl {
namespace {

int list(Context& context) {
  const Contexts contexts = Contexts::of_user();
  std::size_t columns = 0;
  for (const auto& [name, place] : contexts.all())
    columns = std::max(columns, columns_of_text(visible(name)));
  for (const auto& [name, place] : contexts.all()) {
    const bool current = name == contexts.current();
    if (context.json)
      put_json(
          out(),
          OrderedJson{{"name", name}, {"endpoint", place.endpoint}, {"current", current}}.dump());
    else
      put((current ? "* " : "  ") + visible(name) +
          std::string(columns + 2 - columns_of_text(visible(name)), ' ') + visible(place.endpoint) +
          "\n");
  }
  if (contexts.all().empty() && !context.json)
    note("no contexts: write them into " + contexts.file().string() +
         ", as docs/configuration.md says");
  return 0;
}

}  // namespace

void add_contexts(CLI::App& app, Context& context) {
  CLI::App* verb = app.add_subcommand("context", "The daemons that you have names for");
  verb->require_subcommand(1);
  CLI::App* one = verb->add_subcommand("list", "List them; * marks the one that is used");
  one->callback([&context] { context.action = [&context] { return list(context); }; });
  const auto name = std::make_shared<std::string>();
  one = verb->add_subcommand("use", "Use this one from now on, where no other is named");
  one->add_option("NAME", *name, "A name under 'contexts' in the file; \"\": none")->required();
  one->callback([&context, name] {
    context.action = [name]() -> int {
      try {
        Contexts::of_user().use(*name);
      } catch (const Error& e) {
        if (e.code() == Code::not_found) throw UsageError(e.what());
        throw;
      }
      return 0;
    };
  });
}

}  // namespace domed::ctl

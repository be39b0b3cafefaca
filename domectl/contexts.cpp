#include "domectl/contexts.h"

#include <algorithm>
#include <cstdlib>

#include "base/words.h"
#include "domectl/arguments.h"
#include "domectl/context.h"
#include "domectl/screen_line.h"
#include "domectl/table.h"
#include "system/own_file.h"
#include "yaml/yaml_fields.h"

namespace domed::ctl {
namespace {

std::filesystem::path config_home() {
  const char* set = std::getenv("XDG_CONFIG_HOME");
  if (set && *set == '/') return set;
  const char* home = std::getenv("HOME");
  return home && *home == '/' ? std::filesystem::path(home) / ".config" : "";
}

NamedDaemon read_place(const YamlFields& fields, const std::filesystem::path& directory) {
  const auto file = [&](const char* key) {
    const std::string text = fields.text(key, "");
    return text.empty() ? "" : (directory / text).lexically_normal().string();
  };
  return {fields.text("endpoint"),
          fields.text("endpoint_user", ""),
          file("ca"),
          file("cert"),
          file("key"),
          file("token_file")};
}

}  // namespace

Contexts Contexts::of_user() {
  const auto home = config_home();
  return Contexts(home.empty() ? home : home / "domed");
}

Contexts::Contexts(const std::filesystem::path& directory)
    : file_(directory / "client.yaml"), current_file_(directory / "current-context") {
  if (directory.empty() || !std::filesystem::exists(file_)) return;
  Checker check(file_);
  const YamlNode root = check.read();
  const YamlFields whole(check, root, "", {"contexts"});
  if (const YamlNode* contexts = whole.find("contexts"); contexts && check.ok()) {
    if (contexts->kind != YamlNode::Kind::map)
      check.fail(*contexts, "contexts must be a map of names");
    for (std::size_t i = 0; contexts->kind == YamlNode::Kind::map && i < contexts->keys.size();
         ++i) {
      const std::string& name = contexts->keys[i].text;
      const YamlFields fields(check, contexts->items[i], "contexts." + name,
                              {"endpoint", "endpoint_user", "ca", "cert", "key", "token_file"});
      places_[name] = read_place(fields, directory);
    }
  }
  check.done();
  current_ = read_own(current_file_);
  if (current_.ends_with('\n')) current_.pop_back();
}

const NamedDaemon& Contexts::named(const std::string& name) const {
  const auto it = places_.find(name);
  if (it != places_.end()) return it->second;
  std::string known;
  for (const auto& [other, place] : places_) known += (known.empty() ? "" : ", ") + other;
  throw UsageError("there is no context " + in_quotes(name) + " in " + file_.string() +
                   (known.empty() ? ", which has none" : ": there are " + known));
}

void Contexts::use(const std::string& name) {
  if (!name.empty()) named(name);
  write_own(current_file_, name.empty() ? "" : name + "\n");
  current_ = name;
}

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
    context.action = [name] {
      Contexts::of_user().use(*name);
      return 0;
    };
  });
}

}  // namespace domed::ctl

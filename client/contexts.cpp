#include "client/contexts.h"

#include <cstdlib>

#include "base/words.h"
#include "domed/error.h"
#include "system/own_file.h"
#include "yaml/yaml_fields.h"

namespace domed {
namespace {

const char* variable(const char* name) {
  const char* value = std::getenv(name);
  return value && *value ? value : nullptr;
}

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
  throw Error(Code::not_found, "there is no context " + in_quotes(name) + " in " + file_.string() +
                                   (known.empty() ? ", which has none" : ": there are " + known));
}

void Contexts::use(const std::string& name) {
  if (!name.empty()) named(name);
  write_own(current_file_, name.empty() ? "" : name + "\n");
  current_ = name;
}

NamedDaemon chosen_daemon(NamedDaemon given, const std::string& name) {
  if (name.empty() && (!given.endpoint.empty() || variable("DOMED_ENDPOINT"))) return given;
  const char* named = variable("DOMED_CONTEXT");
  const Contexts contexts = Contexts::of_user();
  const std::string chosen = !name.empty() ? name : named ? named : contexts.current();
  if (chosen.empty()) return given;
  const NamedDaemon& place = contexts.named(chosen);
  const auto take = [](std::string& own, const std::string& from, const char* known) {
    if (own.empty() && !(known && variable(known))) own = from;
  };
  take(given.endpoint, place.endpoint, nullptr);
  take(given.endpoint_user, place.endpoint_user, "DOMED_ENDPOINT_USER");
  take(given.ca, place.ca, "DOMED_CA");
  take(given.cert, place.cert, "DOMED_CERT");
  take(given.key, place.key, "DOMED_KEY");
  take(given.token_file, place.token_file, "DOMED_TOKEN_FILE");
  return given;
}

Credentials credentials_for(const NamedDaemon& daemon) {
  Credentials out = Credentials::of_environment();
  const auto take = [](std::string& to, const std::string& from) {
    if (!from.empty()) to = from;
  };
  take(out.files.ca, daemon.ca);
  take(out.files.cert, daemon.cert);
  take(out.files.key, daemon.key);
  take(out.token_file, daemon.token_file);
  return out;
}

}  // namespace domed

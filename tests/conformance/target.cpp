#include "target.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <cctype>
#include <cstdlib>
#include <set>
#include <string_view>
#include <system_error>

#include "command.h"
#include "loader/fence.h"
#include "loader/plugin_log.h"
#include "patient_store.h"
#include "subject.h"

namespace conformance {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFresh = "{fresh}";

// Where a "path" option leads that nobody set: it keeps the name that its author
// thought of, and leaves every other part of it.
fs::path place_of(const domed::OptionSpec& option, const fs::path& directory) {
  fs::path name;
  for (const auto& value : {option.default_value, option.example})
    if (value && name.empty()) name = fs::path(std::get<std::string>(*value)).filename();
  return directory / (option.name + (name.empty() ? "" : '-' + name.string()));
}

// An empty default says that the plugin does without the path.
bool needs_place(const domed::OptionSpec& option) {
  return option.type == domed::OptionType::path && !target.set.contains(option.name) &&
         (option.required || !std::get<std::string>(*option.default_value).empty());
}

// The options that are not the defaults, as texts.
std::map<std::string, std::string> texts_in(const fs::path& directory) {
  const domed::Manifest& manifest = *subject().manifest;
  std::map<std::string, std::string> set = target.set;
  for (auto& [key, value] : set)
    for (std::size_t at = value.find(kFresh); at != std::string::npos; at = value.find(kFresh, at))
      value.replace(at, kFresh.size(), directory.filename().string());
  for (const auto& option : manifest.options)
    if (needs_place(option)) set[option.name] = place_of(option, directory).string();
  return set;
}

domed::OptionValues options_in(const fs::path& directory) {
  return domed::make_options(*subject().manifest, texts_in(directory), directory);
}

// "socket-dir" is DOMED_OPTION_SOCKET_DIR.
std::string variable_of(const std::string& option) {
  std::string name = "DOMED_OPTION_";
  for (const char c : option)
    name += std::isalnum(static_cast<unsigned char>(c)) ? static_cast<char>(std::toupper(c)) : '_';
  return name;
}

std::string text_of(const domed::OptionValue& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text ? *text : domed::write_option(value);
}

// Where stores were made; a child process has its own, and leaves the cleaning to its parent.
std::set<fs::path>& used() {
  static std::set<fs::path> directories;
  return directories;
}

void clean_up(const fs::path& directory) {
  if (used().erase(directory) == 0 || target.cleanup.empty()) return;
  std::map<std::string, std::string> variables;
  const auto texts = texts_in(directory);
  for (const auto& option : subject().manifest->options) {
    if (option.default_value) variables[variable_of(option.name)] = text_of(*option.default_value);
    if (const auto it = texts.find(option.name); it != texts.end())
      variables[variable_of(option.name)] = it->second;
  }
  run_command("--cleanup", target.cleanup, variables);
}

// One for all objects: their options differ in nothing that is secret.
domed::Host& host_of(const domed::OptionValues& options) {
  static domed::PluginLog log(subject().manifest->name, options.secrets(), [] {
    const auto logger = target.verbose ? spdlog::stderr_logger_mt("plugin") : nullptr;
    if (logger) logger->set_level(spdlog::level::debug);
    return logger;
  }());
  return log;
}

}  // namespace

Scratch::Scratch() {
  std::string name = (fs::temp_directory_path() / "domed-conformance-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    throw domed::Error(domed::Code::io, "cannot make a scratch directory like " + name);
  path_ = name;
}

Scratch::~Scratch() {
  clean_up(path_);
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

std::unique_ptr<domed::Store> make_store(const fs::path& directory) {
  const domed::OptionValues options = options_in(directory);
  used().insert(directory);
  const auto make = [&] { return subject().plugin->create_store(options, host_of(options)); };
  if (target.disturb.empty()) return make();
  // The engine may be away just then, as it may at a daemon's start, which is then begun anew.
  return std::make_unique<PatientStore>(answered(make));
}

domed::Store& plugin_object(domed::Store& store) {
  auto* patient = dynamic_cast<PatientStore*>(&store);
  return domed::unfenced(patient ? patient->inside() : store);
}

std::unique_ptr<domed::Collector> make_collector(const fs::path& directory) {
  const domed::OptionValues options = options_in(directory);
  return subject().plugin->create_collector(options, host_of(options));
}

}  // namespace conformance

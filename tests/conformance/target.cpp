#include "target.h"

#include <cstdlib>
#include <string_view>
#include <system_error>

#include "plugin_under_test.h"

namespace conformance {
namespace {

struct QuietHost final : domed::Host {
  void log(domed::Level, std::string_view) noexcept override {}
};
QuietHost host;

constexpr std::string_view kFresh = "{fresh}";

domed::OptionValues options_in(const std::filesystem::path& directory) {
  std::map<std::string, std::string> set = target.set;
  for (auto& [key, value] : set)
    for (std::size_t at = value.find(kFresh); at != std::string::npos; at = value.find(kFresh, at))
      value.replace(at, kFresh.size(), directory.filename().string());
  return domed::make_options(plugin().manifest(), set, directory);
}

}  // namespace

const domed::Plugin& plugin() {
  static const domed::Plugin plugin(domed::load_manifest(target.manifest));
  return plugin;
}

Scratch::Scratch() {
  std::string name = (std::filesystem::temp_directory_path() / "domed-conformance-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr)
    throw domed::Error(domed::Code::io, "cannot make a scratch directory like " + name);
  path_ = name;
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::unique_ptr<domed::Store> make_store(const std::filesystem::path& directory) {
  return plugin().create_store(options_in(directory), host);
}

std::unique_ptr<domed::Collector> make_collector(const std::filesystem::path& directory) {
  return plugin().create_collector(options_in(directory), host);
}

}  // namespace conformance

#include "loader/opened_plugin.h"

namespace domed {

OpenedPlugin::OpenedPlugin(const Manifest& manifest, OptionValues options,
                           std::shared_ptr<spdlog::logger> logger)
    : options_(std::move(options)),
      log_(std::make_shared<PluginLog>(manifest.name, options_.secrets(), std::move(logger))),
      plugin_(manifest) {}

std::unique_ptr<Store> OpenedPlugin::store() const {
  return plugin_.create_store(options_, *log_);
}

std::shared_ptr<Collector> OpenedPlugin::collector() const {
  // The plugin holds a reference to the log. So the log is a part of what deletes the plugin, and
  // goes after it, whoever lets go of that last, and when.
  return {plugin_.create_collector(options_, *log_).release(),
          [log = log_](Collector* it) { delete it; }};
}

}  // namespace domed

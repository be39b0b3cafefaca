#pragma once

#include <memory>

#include "domed/collector.h"
#include "domed/store.h"
#include "loader/loader.h"
#include "loader/plugin_log.h"

namespace domed {

// A plugin that a daemon uses, and the log that it writes to.
class OpenedPlugin {
 public:
  // Throws Error, as Plugin does.
  OpenedPlugin(const Manifest& manifest, OptionValues options,
               std::shared_ptr<spdlog::logger> logger);

  const Plugin& plugin() const { return plugin_; }

  // Must not outlive this.
  std::unique_ptr<Store> store() const;
  // May outlive this, with its log: one that hangs may outlive all of the daemon.
  std::shared_ptr<Collector> collector() const;

 private:
  const OptionValues options_;
  std::shared_ptr<PluginLog> log_;
  Plugin plugin_;
};

}  // namespace domed

#pragma once

#include <memory>
#include <string>
#include <vector>

#include "domed/host.h"
#include "loader/mask.h"

namespace spdlog {
class logger;
}

namespace domed {

// The Host of one plugin: its lines go to the daemon's log, with the plugin's
// name in front, "secrets" masked, and control characters replaced.
class PluginLog final : public Host {
 public:
  // "logger" may be null: lines are then dropped.
  PluginLog(std::string plugin, std::vector<std::string> secrets,
            std::shared_ptr<spdlog::logger> logger);

  void log(Level level, std::string_view line) noexcept override;

 private:
  std::string plugin_;
  Mask mask_;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace domed

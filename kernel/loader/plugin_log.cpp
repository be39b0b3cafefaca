#include "loader/plugin_log.h"

#include <spdlog/spdlog.h>

namespace domed {
namespace {

spdlog::level::level_enum spdlog_level(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warning:
      return spdlog::level::warn;
    case Level::error:
      break;
  }
  return spdlog::level::err;
}

}  // namespace

PluginLog::PluginLog(std::string plugin, std::vector<std::string> secrets,
                     std::shared_ptr<spdlog::logger> logger)
    : plugin_(std::move(plugin)), mask_(std::move(secrets)), logger_(std::move(logger)) {}

void PluginLog::log(Level level, std::string_view line) noexcept {
  try {
    if (!logger_ || !logger_->should_log(spdlog_level(level))) return;
    // Masked before it is cleaned: a secret with a control character in it would not be found after
    // that. And cleaned because a plugin passes on what it has read somewhere, which must neither
    // begin a line of its own nor talk to a terminal.
    std::string text = mask_(std::string(line));
    for (char& c : text)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    logger_->log(spdlog_level(level), "{}: {}", plugin_, text);
  } catch (...) {
    // A line lost for want of memory is better than a dead plugin.
  }
}

}  // namespace domed

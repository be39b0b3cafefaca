#include "host/plugin_log.h"

#include <spdlog/spdlog.h>

#include <algorithm>

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

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
}

}  // namespace

PluginLog::PluginLog(std::string plugin, std::vector<std::string> secrets,
                     std::shared_ptr<spdlog::logger> logger)
    : plugin_(std::move(plugin)), secrets_(std::move(secrets)), logger_(std::move(logger)) {
  std::erase(secrets_, "");
  // One secret may be part of another, which must not stay half visible.
  std::sort(secrets_.begin(), secrets_.end(),
            [](const auto& a, const auto& b) { return a.size() > b.size(); });
}

void PluginLog::log(Level level, std::string_view line) noexcept {
  try {
    if (!logger_ || !logger_->should_log(spdlog_level(level))) return;
    std::string text(line);
    for (const auto& secret : secrets_) replace_all(text, secret, "***");
    for (char& c : text)
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    logger_->log(spdlog_level(level), "{}: {}", plugin_, text);
  } catch (...) {
    // A line lost for want of memory is better than a dead plugin.
  }
}

}  // namespace domed

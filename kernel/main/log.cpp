#include "main/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace domed {

void set_up_log(const std::string& level) {
  auto logger = spdlog::stderr_color_mt("domed");
  // For eyes at a terminal the time of their clock; for files and service managers that of the
  // events, UTC to the microsecond, so that the two can be laid side by side.
  logger->set_pattern(
      isatty(STDERR_FILENO) ? "%H:%M:%S.%e %^%l%$ %v" : "%Y-%m-%dT%H:%M:%S.%fZ %l %v",
      isatty(STDERR_FILENO) ? spdlog::pattern_time_type::local : spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(logger);
}

void log_line(Level level, const std::string& line) {
  static constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::debug, spdlog::level::info,
                                                          spdlog::level::warn, spdlog::level::err};
  spdlog::log(kLevels[static_cast<std::size_t>(level)], line);
}

void log_warning(const std::string& line) {
  log_line(Level::warning, line);
}

void log_trouble(Troubles::Word word, const std::string& text) {
  log_line(word == Troubles::Word::over ? Level::info : Level::error, text);
}

}  // namespace domed

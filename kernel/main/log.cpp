#include "main/log.h"

#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>

#include "base/units.h"

namespace domed {

namespace {

constexpr const char* kAudit = "audit";

std::string text_of(const OrderedJson& line) {
  return line.dump(-1, ' ', true, OrderedJson::error_handler_t::replace);
}

class JsonLines final : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const auto level = spdlog::level::to_string_view(message.level);
    const std::int64_t micros =
        std::chrono::duration_cast<std::chrono::microseconds>(message.time.time_since_epoch())
            .count();
    const std::string_view payload(message.payload.data(), message.payload.size());
    OrderedJson line{{"time", format_time(micros)},
                     {"level", std::string_view(level.data(), level.size())}};
    if (std::string_view(message.logger_name.data(), message.logger_name.size()) == kAudit)
      line["audit"] = OrderedJson::parse(payload, nullptr, false);
    else
      line["message"] = payload;
    const std::string text = text_of(line) + "\n";
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<JsonLines>();
  }
};

// For eyes at a terminal the time of their clock; for files and service managers that of the
// events, UTC to the microsecond, so that the two can be laid side by side.
void give_pattern(spdlog::logger& logger, const std::string& text) {
  const bool terminal = isatty(STDERR_FILENO) != 0;
  logger.set_pattern((terminal ? "%H:%M:%S.%e %^%l%$ " : "%Y-%m-%dT%H:%M:%S.%fZ %l ") + text,
                     terminal ? spdlog::pattern_time_type::local : spdlog::pattern_time_type::utc);
}

}  // namespace

void set_up_log(const std::string& level, bool as_json) {
  const auto logger = spdlog::stderr_color_mt("domed"), audit = spdlog::stderr_color_mt(kAudit);
  logger->set_level(spdlog::level::from_str(level));
  if (as_json) {
    logger->set_formatter(std::make_unique<JsonLines>());
    audit->set_formatter(std::make_unique<JsonLines>());
  } else {
    give_pattern(*logger, "%v");
    give_pattern(*audit, "audit %v");
  }
  spdlog::set_default_logger(logger);
}

void log_audit(const OrderedJson& line) {
  if (const auto audit = spdlog::get(kAudit)) audit->info(text_of(line));
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

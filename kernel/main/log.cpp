#include "main/log.h"

#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>

#include "base/units.h"
#include "base/words.h"

namespace domed {

namespace {

// Loggers whose lines are objects: a word before them, or as JSON the key that they stand under.
constexpr const char *kAudit = "audit", *kJob = "job";

std::string text_of(const OrderedJson& line) {
  return line.dump(-1, ' ', true, OrderedJson::error_handler_t::replace);
}

constexpr std::size_t kMostText = 256;

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
    const std::string name(message.logger_name.data(), message.logger_name.size());
    if (name == kAudit || name == kJob)
      line[name] = OrderedJson::parse(payload, nullptr, false);
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
  const auto make = [&](const char* name, const std::string& text) {
    const auto logger = spdlog::stderr_color_mt(name);
    if (as_json)
      logger->set_formatter(std::make_unique<JsonLines>());
    else
      give_pattern(*logger, text);
    return logger;
  };
  make(kAudit, "audit %v");  // whatever the level is
  for (const auto& logger : {make("domed", "%v"), make(kJob, "job %v")}) {
    logger->set_level(spdlog::level::from_str(level));
    if (logger->name() != kJob) spdlog::set_default_logger(logger);
  }
}

void log_audit(const OrderedJson& line) {
  if (const auto audit = spdlog::get(kAudit)) audit->info(text_of(line));
}

void log_job(const JobNews& news) {
  const auto logger = spdlog::get(kJob);
  if (!logger || !logger->should_log(spdlog::level::info)) return;
  OrderedJson line{{"job_id", news.job_id}, {"state", state_name(news.state)}};
  const auto put = [&](const char* key, const std::string& text) {
    if (!text.empty()) line[key] = shortened(text, kMostText);
  };
  put("name", news.name);
  put("what", news.what);
  put("submitter", news.submitter);
  put("reason", news.reason);
  if (news.exit_code) line["exit_code"] = *news.exit_code;
  if (news.signal) line["signal"] = *news.signal;
  put("message", news.message);
  // Of the run, or of what had none.
  if (news.ended)
    line["seconds"] =
        static_cast<double>(news.ended - (news.started ? news.started : news.created)) / 1e6;
  logger->info(text_of(line));
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

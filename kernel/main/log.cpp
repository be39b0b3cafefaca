#include "main/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/dist_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>

#include "base/units.h"
#include "base/words.h"
#include "main/log_targets.h"

namespace domed {

namespace {

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
    if (is_of_objects(message.logger_name))
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
class TextLines final : public spdlog::formatter {
 public:
  explicit TextLines(bool terminal)
      : terminal_(terminal),
        inner_(terminal ? "%H:%M:%S.%e %^%l%$ %v" : "%Y-%m-%dT%H:%M:%S.%fZ %l %v",
               terminal ? spdlog::pattern_time_type::local : spdlog::pattern_time_type::utc) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    std::string text = as_one_entry({message.payload.data(), message.payload.size()});
    if (is_of_objects(message.logger_name))
      text = std::string(message.logger_name.data(), message.logger_name.size()) + " " + text;
    spdlog::details::log_msg cleaned(message);
    cleaned.payload = text;
    inner_.format(cleaned, out);
    message.color_range_start = cleaned.color_range_start;
    message.color_range_end = cleaned.color_range_end;
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<TextLines>(terminal_);
  }

 private:
  const bool terminal_;
  spdlog::pattern_formatter inner_;
};

// What all loggers write to; the target stands behind it, and may be replaced.
const std::shared_ptr<spdlog::sinks::dist_sink_mt>& all_lines() {
  static const auto sink = std::make_shared<spdlog::sinks::dist_sink_mt>();
  return sink;
}

spdlog::logger& logger(const char* name) {
  if (const auto known = spdlog::get(name)) return *known;
  const auto made = std::make_shared<spdlog::logger>(name, all_lines());
  spdlog::register_logger(made);
  return *made;
}

LogTarget opened(const LogSettings& settings) {
  switch (settings.to) {
    case LogSettings::To::file:
      return std::make_shared<LogFile>(settings.file, settings.max_size, settings.keep);
    case LogSettings::To::journald:
      return std::make_shared<Journald>();
    case LogSettings::To::standard_error:
      break;
  }
  return std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
}

}  // namespace

LogTarget open_log_target(const LogSettings& settings) {
  LogTarget target = opened(settings);
  const bool terminal =
      settings.to == LogSettings::To::standard_error && isatty(STDERR_FILENO) != 0;
  if (settings.as_json)
    target->set_formatter(std::make_unique<JsonLines>());
  else
    target->set_formatter(std::make_unique<TextLines>(terminal));
  return target;
}

void use_log(const std::string& level, LogTarget target) {
  all_lines()->set_sinks({std::move(target)});
  logger(kAudit).set_level(spdlog::level::info);  // whatever the level is
  for (const char* name : {"domed", kJob}) logger(name).set_level(spdlog::level::from_str(level));
  if (spdlog::default_logger_raw() != &logger("domed"))
    spdlog::set_default_logger(spdlog::get("domed"));
}

void log_audit(const OrderedJson& line) {
  if (const auto audit = spdlog::get(kAudit)) audit->info(text_of(line));
}

void log_job(const JobNews& news) {
  const auto jobs = spdlog::get(kJob);
  if (!jobs || !jobs->should_log(spdlog::level::info)) return;
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
  jobs->info(text_of(line));
}

void log_request(const Dispatcher::News& news) {
  if (!spdlog::should_log(spdlog::level::debug)) return;
  const double milliseconds = std::chrono::duration<double, std::milli>(news.took).count();
  spdlog::debug("request {} of {}: {} in {:.3f} ms", news.method.empty() ? "?" : news.method,
                shortened(news.who, kMostText), news.error.empty() ? "ok" : news.error,
                milliseconds);
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

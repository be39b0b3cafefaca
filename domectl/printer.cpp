#include "domectl/printer.h"

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "domed/error.h"

namespace domed::ctl {
namespace {

constexpr int kBarWidth = 30;

std::string text(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end()) return "";
  return found->is_string() ? visible(found->get<std::string>()) : visible(found->dump());
}

std::string state_change(const Json& payload, const Colours& colours) {
  std::string out = colours.state(text(payload, "to"));
  if (payload.contains("reason")) out += " (" + text(payload, "reason");
  if (payload.contains("exit_code")) out += ", exit code " + text(payload, "exit_code");
  if (payload.contains("signal")) out += ", signal " + text(payload, "signal");
  if (payload.contains("reason")) out += ")";
  if (payload.contains("message")) out += ": " + text(payload, "message");
  return out;
}

std::string provenance(const Json& payload) {
  const std::string commit = text(payload, "commit_sha");
  std::string out = "commit " + (commit.empty() ? "unknown" : commit.substr(0, 12));
  const std::string dirty = text(payload, "dirty_flag");
  if (dirty == "true") out += ", with uncommitted changes";
  if (dirty == "false") out += ", clean";
  return out;
}

std::string output_text(std::string_view payload, const Colours& colours) {
  auto output = read_output(payload);
  if (!output) return visible(payload);
  if (output->bytes.ends_with('\n')) output->bytes.pop_back();
  const std::string bytes =
      is_utf8(output->bytes) ? visible(output->bytes) : "(bytes) " + to_hex(output->bytes);
  return output->stream == "stderr" ? colours.red(bytes) : bytes;
}

}  // namespace

std::string progress_bar(std::string_view payload) {
  const Json json = Json::parse(payload, nullptr, false);
  if (!json.is_object() || !json.contains("value") || !json["value"].is_number()) return "";
  const double value = std::clamp(json["value"].get<double>(), 0.0, 1.0);
  const int full = static_cast<int>(std::lround(value * kBarWidth));
  char percent[16];
  std::snprintf(percent, sizeof percent, "%3d%%", static_cast<int>(std::floor(value * 100)));
  std::string out = "[" + std::string(static_cast<std::size_t>(full), '#') +
                    std::string(static_cast<std::size_t>(kBarWidth - full), '-') + "] " + percent;
  const std::string message = text(json, "message");
  return message.empty() ? out : out + " " + message;
}

std::string summary(const EventLine& event, const Colours& colours) {
  if (event.type == "log") return output_text(event.payload, colours);
  if (event.type == "progress") return progress_bar(event.payload);
  const Json payload = Json::parse(event.payload, nullptr, false);
  if (!payload.is_object()) return visible(event.payload);
  if (event.type == "state_change") return state_change(payload, colours);
  if (event.type == "provenance") return provenance(payload);
  if (event.type == "retry")
    return "tried again as job " + text(payload, "job_id") + ", not before " +
           text(payload, "not_before");
  if (event.type == "artifact") return text(payload, "kind") + " " + text(payload, "path");
  return visible(event.payload);
}

Printer::Printer(std::FILE* out, std::FILE* err, Options options)
    : out_(out),
      err_(err),
      options_(options),
      out_colours_(Colours::of(out)),
      err_colours_(Colours::of(err)) {}

void Printer::event(std::string_view line) {
  if (options_.form == Form::lines) {
    put(out_, std::string(line) + "\n");
  } else if (const auto event = read_event_line(line)) {
    options_.form == Form::people ? people(out_, out_colours_, *event) : output(*event);
  }
}

void Printer::flush() {
  if (std::fflush(out_) != 0) throw Error(Code::io, "cannot write the output");
}

void Printer::output(const EventLine& event) {
  if (event.type != "log") {
    if (event.type == "progress" && options_.progress) return progress(event.payload);
    if (options_.other_events) people(err_, err_colours_, event);
    return;
  }
  const auto output = read_output(event.payload);
  if (!output) return;
  clear_progress();
  at_line_start_ = output->bytes.empty() || output->bytes.back() == '\n';
  const bool is_error = output->stream == "stderr";
  if (is_error) flush();  // both may be one terminal
  put(is_error ? err_ : out_, output->bytes);
}

void Printer::people(std::FILE* file, const Colours& colours, const EventLine& event) {
  std::string type(event.type);
  if (type == "log") {
    const auto output = read_output(event.payload);
    type = output ? output->stream : type;
  }
  type.resize(std::max<std::size_t>(type.size(), 12), ' ');
  const std::string_view time = event.ts.size() > 22 ? event.ts.substr(11, 12) : event.ts;
  put(file, colours.dim(time) + " " + colours.blue(type) + " " + summary(event, colours) + "\n");
}

void Printer::progress(std::string_view payload) {
  const std::string bar = progress_bar(payload);
  if (bar.empty() || !at_line_start_) return;
  flush();
  put(err_, "\r\033[K" + bar);
  std::fflush(err_);
  progress_shown_ = true;
}

void Printer::clear_progress() {
  if (!std::exchange(progress_shown_, false)) return;
  std::fputs("\r\033[K", err_);
  std::fflush(err_);
}

}  // namespace domed::ctl

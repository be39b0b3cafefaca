#include "domectl/printer.h"

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "domectl/screen_line.h"
#include "domectl/sieve.h"

namespace domed::ctl {
namespace {

// With the percentage and a word beside it in 80 columns.
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

// "KEY", or why it is not known.
std::string known(const Json& payload, const std::string& key) {
  const std::string value = text(payload, key.c_str());
  if (!value.empty() && value != "unknown") return value;
  const std::string reason = text(payload, (key + "_reason").c_str());
  return reason.empty() ? "unknown" : "unknown (" + reason + ")";
}

std::string provenance(const Json& payload) {
  const std::string commit = known(payload, "commit_sha");
  std::string out = "commit " + (commit.starts_with("unknown") ? commit : commit.substr(0, 12));
  const std::string dirty = text(payload, "dirty_flag");
  if (dirty == "true") out += ", with uncommitted changes";
  if (dirty == "false") out += ", clean";
  return out;
}

std::string provenance_end(const Json& payload) {
  const std::string drift = known(payload, "drift");
  if (drift == "false") return "the sources are what they were at the start";
  if (drift == "true") return "the sources changed while the job ran";
  return "whether the sources changed is " + drift;
}

std::string stream_end(const Json& payload) {
  std::string out;
  if (text(payload, "end") == "drain_limit") out = "still open in background processes";
  const std::string dropped = text(payload, "dropped");
  if (!dropped.empty() && dropped != "0")
    out += (out.empty() ? "" : ", ") + dropped + " bytes were dropped";
  return out.empty() ? "" : text(payload, "stream") + ": " + out;
}

std::string complaint(std::string_view payload, const Colours& colours) {
  const Complaint what = read_complaint(payload);
  if (what.level == "error") return colours.red(what.text);
  return (what.level == "warning" ? colours.magenta(what.level) : what.level) + ": " + what.text;
}

std::string with_reason(const char* what, const Json& payload) {
  const std::string reason = text(payload, "reason");
  return reason.empty() ? what : std::string(what) + ": " + reason;
}

std::string output_text(std::string_view payload, const Colours& colours, const View* view) {
  auto output = read_output(payload);
  if (!output) return visible(payload);
  if (output->bytes.ends_with('\n')) output->bytes.pop_back();
  const std::string line = screen_line(
      view ? highlighted(*view, output->bytes, colours.on()) : output->bytes, colours.on());
  return output->stream == "stderr" ? colours.red(line) : line;
}

}  // namespace

std::string progress_bar(std::string_view payload) {
  const Json json = Json::parse(payload, nullptr, false);
  if (!json.is_object() || !json.contains("value") || !json["value"].is_number()) return "";
  const double value = std::clamp(json["value"].get<double>(), 0.0, 1.0);
  const int full = static_cast<int>(std::lround(value * kBarWidth));
  char percent[16];
  // Down, not to the nearest: 100 % is said when it is done.
  std::snprintf(percent, sizeof percent, "%3d%%", static_cast<int>(std::floor(value * 100)));
  std::string out = "[" + std::string(static_cast<std::size_t>(full), '#') +
                    std::string(static_cast<std::size_t>(kBarWidth - full), '-') + "] " + percent;
  const std::string message = text(json, "message");
  return message.empty() ? out : out + " " + message;
}

std::string summary(const EventLine& event, const Colours& colours, const View* view) {
  if (event.type == "log") return output_text(event.payload, colours, view);
  if (event.type == "progress") return progress_bar(event.payload);
  if (event.type == "error") return complaint(event.payload, colours);
  const Json payload = Json::parse(event.payload, nullptr, false);
  if (!payload.is_object()) return visible(event.payload);
  if (event.type == "state_change") return state_change(payload, colours);
  if (event.type == "provenance") return provenance(payload);
  if (event.type == "provenance_end") return provenance_end(payload);
  if (event.type == "stream_end") return stream_end(payload);
  if (event.type == "cancel_requested") return with_reason("its end was asked for", payload);
  if (event.type == "held") return with_reason("not to be started", payload);
  if (event.type == "released") return with_reason("may be started", payload);
  if (event.type == "paused") return with_reason("it stands still", payload);
  if (event.type == "resumed") return with_reason("it goes on", payload);
  if (event.type == "assigned")
    return payload.value("node", Json()).is_string()
               ? "to be run by node " + text(payload, "node")
               : "back in the queue: the start came to nothing";
  if (event.type == "retry")
    return "tried again as job " + text(payload, "job_id") + ", not before " +
           text(payload, "not_before");
  if (event.type == "artifact") return text(payload, "kind") + " " + text(payload, "path");
  return visible(event.payload);
}

std::string stream_end_note(std::string_view payload) {
  const Json json = Json::parse(payload, nullptr, false);
  if (!json.is_object() || text(json, "end") != "drain_limit") return "";
  return "processes in the background kept " + text(json, "stream") +
         " open when the command ended: what they wrote later is not in the log";
}

Printer::Printer(Sink& out, Sink& err, Options options)
    : out_(out),
      err_(err),
      options_(options),
      out_colours_(Colours::of(out.fd())),
      err_colours_(Colours::of(err.fd())),
      times_(options_.created) {}

Printer::~Printer() {
  try {
    clear_progress();
  } catch (const std::exception&) {  // it is said elsewhere
  }
}

void Printer::event(std::string_view line) {
  const auto event = options_.form == Form::lines && !options_.no_output
                         ? std::optional<EventLine>()
                         : read_event_line(line);
  if (options_.no_output && event && event->type == "log") return;
  if (options_.form == Form::lines) {
    put_event_line(out_, line);
  } else if (event) {
    options_.form == Form::people ? people(out_, out_colours_, *event) : output(*event);
  }
}

void Printer::output(const EventLine& event) {
  if (event.type != "log") {
    if (event.type == "progress" && options_.progress) return progress(event.payload);
    if (options_.no_output || (options_.view && !options_.view->level.empty()))
      return people(out_, out_colours_, event);
    if (options_.other_events) people(err_, err_colours_, event);
    return;
  }
  const auto output = read_output(event.payload);
  if (!output) return;
  if (!options_.prefix.empty()) return put_lines(event, *output);
  clear_progress();
  const bool to_out = output->stream != "stderr";
  if (with_times()) begin_line(to_out ? out_ : err_, event);
  at_line_start_ = output->bytes.empty() || output->bytes.back() == '\n';
  if (to_out) return out_.put(output->bytes);
  out_.flush();  // both may be one terminal
  err_.put(output->bytes);
  err_.flush();
}

// Those of several jobs stand between each other, so that none goes out before it is whole.
void Printer::put_lines(const EventLine& event, const Output& output) {
  std::string& line = parts_[output.stream];
  if (line.empty()) {
    line = options_.prefix;
    if (with_times()) line += times_.whole(event) + " ";
  }
  line +=
      options_.view ? highlighted(*options_.view, output.bytes, out_colours_.on()) : output.bytes;
  if (!line.ends_with('\n')) return;
  (output.stream == "stderr" ? err_ : out_).put(std::exchange(line, {}));
  if (output.stream == "stderr") err_.flush();
}

void Printer::end_lines() {
  for (auto& [stream, line] : parts_)
    if (!line.empty()) (stream == "stderr" ? err_ : out_).put(std::exchange(line, {}) + "\n");
}

// A time begins each line, and nothing else: what goes on elsewhere in the midst of one begins
// another.
void Printer::begin_line(Sink& sink, const EventLine& event) {
  if (!at_line_start_ && last_ != &sink) (last_ == &out_ ? out_ : err_).put("\n");
  if (at_line_start_ || last_ != &sink) sink.put(times_.whole(event) + " ");
  last_ = &sink;
}

void Printer::people(Sink& output, const Colours& colours, const EventLine& event) {
  std::string type(event.type), text = summary(event, colours, options_.view);
  const bool is_output = type == "log";
  if (text.empty() && !is_output) return;
  if (is_output) {
    const auto written = read_output(event.payload);
    type = visible(written ? written->stream : type);
  }
  type.resize(std::max<std::size_t>(type.size(), 12), ' ');
  const std::string time = with_times() ? times_.whole(event) : times_.of_day(event);
  // What says how the job fares is told in full; a record fills one line and no more.
  if (!is_output && event.type != "state_change" && event.type != "error" &&
      is_terminal(output.fd())) {
    const std::size_t width = columns_of_terminal(output.fd()),
                      before = options_.prefix_columns + time.size() + type.size() + 2;
    if (width > before + 4 && fitting(text, width - before) != text)
      text = fitting(text, width - before - 3) + "...";
  }
  output.put(options_.prefix + colours.dim(time) + " " + colours.blue(type) + " " + text + "\n");
  if (&output == &err_) output.flush();
}

// The cursor goes back to where the bar begins: a terminal that gets narrower wraps the
// bar, and what it wrapped to is then below the cursor.  Meanwhile nothing wraps by itself,
// as the terminal may be narrower already than it says.
void Printer::progress(std::string_view payload) {
  const std::string bar = progress_bar(payload);
  if (bar.empty() || !at_line_start_) return;
  out_.flush();
  err_.put("\r\033[J\033[?7l" + fitting(bar, columns_of_terminal(err_.fd()) - 1) + "\r\033[?7h");
  err_.flush();
  progress_shown_ = true;
}

void Printer::clear_progress() {
  if (!std::exchange(progress_shown_, false)) return;
  err_.put("\r\033[J");
  err_.flush();
}

}  // namespace domed::ctl

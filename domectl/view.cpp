#include "domectl/view.h"

#include <algorithm>

#include "base/units.h"
#include "client/page.h"
#include "domectl/arguments.h"
#include "domectl/terminal.h"
#include "domectl/when.h"
#include "protocol/limits.h"

namespace domed::ctl {
namespace {

// The log as it is now; pages of it are asked for by its name.
class Log {
 public:
  Log(Context& context, const std::string& job_id, const std::stop_token& stop)
      : context_(context), job_id_(job_id) {
    options_.stop = stop;
    const Json status = context.client().call("GetJobStatus", {{"job_id", job_id}}, options_);
    log_id = status.at("log_id").get<std::string>();
    first = status.at("first_seq").get<std::uint64_t>();
    head = status.at("head_seq").get<std::uint64_t>();
  }

  void page(Json params, Page& out) const {
    params.update({{"job_id", job_id_}, {"log_id", log_id}});
    out.bytes = context_.client().call_raw("StreamJobEvents", params, options_);
    read_page(out);
  }

  // The first event that was taken at "time" or later, head + 1 where there is none yet: their
  // times never decrease.
  std::uint64_t first_at(std::int64_t time) const {
    const std::string text = format_time(time);
    std::uint64_t low = first, high = head + 1;
    while (low < high) {
      const std::uint64_t middle = low + (high - low) / 2;
      Page found;
      page({{"since_seq", middle - 1}, {"max_events", 1}, {"max_bytes", 4096}}, found);
      const auto event = found.lines.empty() ? std::nullopt : read_event_line(found.lines.front());
      if (!event)
        throw ApiError("E_PROTOCOL", "the daemon sent a page without the event asked for");
      event->ts < text ? low = middle + 1 : high = middle;
    }
    return low;
  }

  std::string log_id;
  std::uint64_t first = 0, head = 0;

 private:
  Context& context_;
  const std::string& job_id_;
  CallOptions options_;
};

// Counts lines from the end on, as tail(1) would count those of the output.
class LinesFromTheEnd {
 public:
  explicit LinesFromTheEnd(std::size_t wanted) : wanted_(wanted) {}
  // Whether this output, the next one before, ends the line before those that are wanted.
  bool is_before(const Output& output) {
    const bool ends_a_line = output.bytes.ends_with('\n');
    if (ends_a_line && lines_ == wanted_) return true;
    // The last line may have no end yet.
    if (ends_a_line || lines_ == 0) ++lines_;
    return false;
  }

 private:
  const std::size_t wanted_;
  std::size_t lines_ = 0;
};

// The event behind which the last lines of the range begin.
std::uint64_t tail_begin(const Log& log, const View& view, const Range& range) {
  const std::uint64_t end = std::min(range.until_seq, log.head);
  if (*view.tail == 0) return end;
  LinesFromTheEnd lines(*view.tail);
  for (std::uint64_t before = end + 1; before > log.first;) {
    Page page;
    log.page(
        {{"before_seq", before}, {"max_events", std::min(*view.tail + 64, limits::kPageEvents)}},
        page);
    for (auto line = page.lines.rbegin(); line != page.lines.rend(); ++line) {
      const auto event = read_event_line(*line);
      if (!event) continue;
      before = event->seq;
      if (event->seq <= range.since_seq) return range.since_seq;
      if (!view.level.empty()) {
        if (shows_complaint(view, *event) && lines.is_before({"", "\n"})) return event->seq;
        continue;
      }
      if (event->type != "log") continue;
      const auto output = read_output(event->payload);
      if (output && shows(view, *output) && lines.is_before(*output)) return event->seq;
    }
    if (!page.more) break;
  }
  return std::max(range.since_seq, log.first - 1);
}

}  // namespace

void add_view_options(CLI::App& verb, View& view) {
  verb.add_option("--since", view.since,
                  "Begin behind the event of this number, or at a time: 10m (ago), 12:30, a date")
      ->type_name("SEQ|TIME");
  verb.add_option("--until", view.until, "End with the event of this number, or at a time")
      ->type_name("SEQ|TIME");
  verb.add_option_function<std::size_t>(
          "-n,--tail", [&view](const std::size_t& lines) { view.tail = lines; },
          "Only the last lines of the output, so many")
      ->type_name("N")
      ->check(whole_number(0, 1'000'000'000));
  verb.add_option("--stream", view.stream, "Only this output: stdout or stderr")->type_name("NAME");
  verb.add_option("-g,--grep", view.grep,
                  "Only output in which this regular expression (of RE2) is found")
      ->type_name("PATTERN");
  verb.add_flag("-F,--fixed-strings", view.fixed, "With --grep: PATTERN is the text itself");
  const auto lines = [&verb](const char* name, const char* help, auto take) {
    verb.add_option_function<std::size_t>(name, take, help)
        ->type_name("N")
        ->check(whole_number(0, 99));
  };
  lines("-B,--before", "With --grep: so many lines before each",
        [&view](const std::size_t& n) { view.before = n; });
  lines("-A,--after", "With --grep: so many lines behind each",
        [&view](const std::size_t& n) { view.after = n; });
  lines("-C,--context", "With --grep: so many lines around each",
        [&view](const std::size_t& n) { view.before = view.after = n; });
  verb.add_option("--level", view.level,
                  "Only error events, of this level or graver, instead of output")
      ->check(CLI::IsMember(std::vector<std::string>(kLevels.begin(), kLevels.end())));
  verb.add_flag("-t,--timestamps", view.times, "With the time when each line was written");
  verb.add_flag("--raw", view.raw, "On a terminal too: byte for byte");
}

Range range_of(Context& context, const std::string& job_id, const View& view,
               const std::stop_token& stop) {
  Range out;
  const auto since = parse_integer(view.since), until = parse_integer(view.until);
  if (since) out.since_seq = static_cast<std::uint64_t>(std::max<std::int64_t>(*since, 0));
  if (until) out.until_seq = static_cast<std::uint64_t>(std::max<std::int64_t>(*until, 0));
  const bool by_time = (!since && !view.since.empty()) || (!until && !view.until.empty());
  if (!by_time && !view.tail) return out;
  if (view.tail) context.must_know("before_seq", "--tail");
  const Log log(context, job_id, stop);
  out.log_id = log.log_id;
  if (!since && !view.since.empty())
    out.since_seq = log.first_at(when_of(context, view.since, "--since")) - 1;
  if (!until && !view.until.empty()) {
    const std::int64_t time = when_of(context, view.until, "--until");
    const std::int64_t left = time - context.daemon_now();
    if (left < 0)
      out.until_seq = log.first_at(time + 1) - 1;
    else
      out.deadline = std::chrono::steady_clock::now() +
                     std::min(std::chrono::microseconds(left), kLongestWait);
  }
  if (view.tail) out.since_seq = tail_begin(log, view, out);
  return out;
}

std::vector<std::string> flags_of(const View& view) {
  std::vector<std::string> out;
  const auto text = [&out](const char* name, const std::string& value) {
    if (!value.empty()) out.push_back(name + value);
  };
  text("--since=", view.since);
  text("--until=", view.until);
  text("--stream=", view.stream);
  text("--grep=", view.grep);
  text("--level=", view.level);
  if (view.tail) out.push_back("--tail=" + std::to_string(*view.tail));
  if (view.before) out.push_back("--before=" + std::to_string(view.before));
  if (view.after) out.push_back("--after=" + std::to_string(view.after));
  if (view.fixed) out.push_back("--fixed-strings");
  if (view.times) out.push_back("--timestamps");
  if (view.raw) out.push_back("--raw");
  return out;
}

void check_view(View& view) {
  if (!view.level.empty() && !(view.grep.empty() && view.stream.empty()))
    throw UsageError("--level shows error events, --grep and --stream output: one of them");
  if (view.grep.empty()) {
    if (view.fixed || view.before + view.after > 0)
      throw UsageError("-F, -A, -B and -C go with --grep");
    return;
  }
  try {
    view.matcher = view.fixed ? Matcher::literal(view.grep) : Matcher::pattern(view.grep);
  } catch (const Error& e) {
    throw UsageError("--grep " + std::string(e.what()));
  }
}

namespace {

std::size_t gravity(std::string_view level) {
  const auto found = std::find(kLevels.begin(), kLevels.end(), level);
  return static_cast<std::size_t>(found - kLevels.begin());
}

}  // namespace

// An error event may be any object; who writes one for people gives it a "message".
Complaint read_complaint(std::string_view payload) {
  const Json json = Json::parse(payload, nullptr, false);
  const auto text = [&](const char* key) {
    const auto found = json.is_object() ? json.find(key) : json.end();
    return found != json.end() && found->is_string() ? found->get<std::string>() : "";
  };
  Complaint out{text("level"), text("message")};
  if (gravity(out.level) == kLevels.size()) out.level = "error";
  if (out.text.empty()) out.text = payload;
  out.text = visible(out.text);
  return out;
}

bool shows_complaint(const View& view, const EventLine& event) {
  return event.type == "error" &&
         gravity(read_complaint(event.payload).level) >= gravity(view.level);
}

bool shows(const View& view, const Output& output) {
  return view.stream.empty() || output.stream == view.stream;
}

}  // namespace domed::ctl

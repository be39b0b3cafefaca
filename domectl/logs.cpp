// What jobs wrote, and nothing else.
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/units.h"
#include "base/words.h"
#include "client/event_line.h"
#include "client/follower.h"
#include "client/page.h"
#include "domectl/context.h"
#include "domectl/event_times.h"
#include "domectl/interrupt.h"
#include "domectl/printer.h"
#include "domectl/screen_line.h"
#include "domectl/selection.h"
#include "domectl/sieve.h"
#include "domectl/view.h"
#include "domectl/watch.h"

namespace domed::ctl {
namespace {

struct Reading {
  Selection which;
  View view;
  bool follow = false;
  bool for_pager = false;  // as on a terminal, although it is none
};

// What stands above the output of each of several jobs, as tail(1) has it.
class Heads {
 public:
  // "found": by what they have in common, so that nobody has named them.
  Heads(Context& context, bool found) : context_(context), found_(found) {}

  void put(const std::string& job) {
    std::string name;
    if (found_) name = context_.status_of(job).value("name", "");
    ctl::put((any_ ? "\n==> " : "==> ") + visible(job) +
             (name.empty() ? "" : " (" + visible(name) + ")") + " <==\n");
    any_ = true;
  }

 private:
  Context& context_;
  const bool found_;
  bool any_ = false;
};

// Prints the output among a job's events, as it was asked for.
class Reader {
 public:
  // "head" is printed before what is shown first, in "heads" it is kept that one was.
  Reader(Context& context, const std::string& job_id, const View& view, bool for_pager,
         Heads& heads, std::string head)
      : view_(view),
        heads_(heads),
        head_(std::move(head)),
        json_(context.json),
        clean_(!view.raw && (for_pager || is_terminal(STDOUT_FILENO))),
        colours_(for_pager || Colours::of(STDOUT_FILENO).on()),
        sieve_(
            view, [this](std::string_view line, const EventLine& event) { show(line, event); },
            [this] { gap(); }),
        shown_([&context, job_id] { return created_at(context, job_id); }) {}

  ~Reader() {
    try {
      end();
    } catch (const std::exception&) {  // it is said elsewhere
    }
  }
  Reader(const Reader&) = delete;

  void take(std::string_view line) {
    const auto event = read_event_line(line);
    if (!event) return;
    if (event->type == "stream_end" && !json_) end_ = stream_end_note(event->payload);
    if (!end_.empty()) note(std::exchange(end_, {}));
    if (event->type != (view_.level.empty() ? "log" : "error")) return;
    if (!view_.stream.empty())
      if (const auto output = read_output(event->payload)) streams_.insert(output->stream);
    sieve_.take(line, *event);
  }

  // Nothing more is there now.  Who looks at a terminal sees also what has not become a line yet.
  void idle() {
    if (clean_ && is_terminal(STDOUT_FILENO)) {
      clear_begun();
      const auto last = lines_.find(stream_);
      const std::string begun = last == lines_.end() ? "" : last->second.begun(false);
      put(fitting(begun, columns_of_terminal(STDOUT_FILENO) - 1));
      begun_shown_ = !begun.empty();
    }
    out().flush();
  }

  // Nothing more comes.
  void end() {
    clear_begun();
    for (auto& [stream, lines] : lines_) put_line_of(stream, lines.rest());
  }

  // Said where nothing can have been shown, as no job of domed's has such a stream by itself.
  void check_stream() const {
    if (view_.stream.empty() || streams_.contains(view_.stream) || view_.stream == "stdout" ||
        view_.stream == "stderr")
      return;
    std::string there;
    for (const auto& name : streams_) there += (there.empty() ? "" : ", ") + name;
    throw UsageError("the job has written nothing to a stream '" + view_.stream + "'" +
                     did_you_mean(view_.stream, {"stdout", "stderr"}) +
                     (there.empty() ? "" : "; it has written to " + there));
  }

 private:
  void show(std::string_view line, const EventLine& event) {
    const auto output =
        event.type == "log" ? read_output(event.payload) : complaint_output(event.payload);
    if (!head_.empty()) heads_.put(std::exchange(head_, {}));
    if (json_)
      put_event_line(out(), line);
    else if (output && clean_)
      cleaned(event, *output);
    else if (output)
      view_.times ? with_time(event, *output) : put(output->bytes);
  }
  // As a line of its own.
  static std::optional<Output> complaint_output(std::string_view payload) {
    const Complaint what = read_complaint(payload);
    return Output{what.level, what.level + ": " + what.text + "\n"};
  }
  void gap() {
    end();
    if (!json_) put(Colours(clean_ && colours_).dim("--") + "\n");
  }
  // Each line goes out when it is whole, so that a CR in a later piece of it finds its beginning.
  void cleaned(const EventLine& event, const Output& output) {
    clear_begun();
    stream_ = output.stream;
    ScreenLines& lines = lines_.try_emplace(output.stream, colours_).first->second;
    std::string& time = times_of_begun_[output.stream];
    if (view_.times && time.empty()) time = shown_.whole(event) + " ";
    const std::string whole = lines.take(highlighted(view_, output.bytes, colours_));
    if (!whole.empty()) put_line_of(output.stream, whole);
  }
  void put_line_of(const std::string& stream, const std::string& text) {
    std::string& time = times_of_begun_[stream];
    if (!text.empty()) put(std::exchange(time, {}) + text);
  }
  void clear_begun() {
    if (std::exchange(begun_shown_, false)) put("\r\033[K");
  }
  // A time begins each line, and nothing else: output that goes on with a line of another
  // stream begins a new one.
  void with_time(const EventLine& event, const Output& output) {
    if (!at_line_start_ && output.stream != stream_) put("\n"), at_line_start_ = true;
    stream_ = output.stream;
    if (output.bytes.empty()) return;
    if (at_line_start_) put(shown_.whole(event) + " ");
    put(output.bytes);
    at_line_start_ = output.bytes.ends_with('\n');
  }

  const View& view_;
  Heads& heads_;
  std::string head_;
  const bool json_, clean_, colours_;
  std::set<std::string> streams_;
  Sieve sieve_;
  EventTimes shown_;
  std::string stream_, end_;
  bool at_line_start_ = true;
  // Of what is cleaned, by stream: the lines that have begun, and when.
  std::map<std::string, ScreenLines> lines_;
  std::map<std::string, std::string> times_of_begun_;
  bool begun_shown_ = false;  // on the screen, where the next line is to stand
};

// What was trimmed is not asked for again; that it is missing is said.
bool begin_behind_trimmed(const ApiError& error, FollowOptions& options) {
  const auto first = number_field(error, "first");
  if (error.name() != "E_COMPACTED" || !first || *first <= options.since_seq + 1) return false;
  note("the events " + std::to_string(options.since_seq + 1) + " to " + std::to_string(*first - 1) +
       " were trimmed: their output is not there any more");
  options.since_seq = *first - 1;
  return true;
}

// Has the daemon find what is there; "options" then say where what comes goes on.  A line more is
// asked for than is shown around a match, so that two places next to each other are told from two
// with a gap between.
void search(Context& context, const View& view, const Range& range, FollowOptions& options,
            Reader& reader) {
  const std::size_t around = std::max(view.before, view.after);
  Json params{{"job_id", options.job_id},
              {view.fixed ? "literal" : "pattern", view.grep},
              {"limit", 1000},
              {"context", around > 0 ? around + 1 : 0}};
  if (range.until_seq != UINT64_MAX) params["until_seq"] = range.until_seq;
  if (options.since_seq > 0) params["since_seq"] = options.since_seq;
  CallOptions call;
  call.stop = options.stop;
  for (bool more = true; more;) {
    if (!options.log_id.empty()) params["log_id"] = options.log_id;
    Page page;
    try {
      page.bytes = context.client().call_raw("SearchJob", params, call);
    } catch (const ApiError& e) {
      const auto damaged = number_field(e, "seq");
      if (e.name() != "E_STORE" || !damaged) throw;
      note(std::string(e.what()));
      params["since_seq"] = options.since_seq = *damaged;
      continue;
    }
    read_page(page);
    if (!params.contains("since_seq") && page.first_seq > 1)
      note("the events before " + std::to_string(page.first_seq) + " were trimmed");
    for (const auto line : page.lines) reader.take(line);
    out().flush();
    options.log_id = page.log_id;
    params["since_seq"] = options.since_seq = page.looked_to;
    more = page.more;
  }
}

int logs_of(Context& context, const std::string& job_id, const Reading& given, Heads& heads,
            const std::string& head) {
  context.client();  // before the signals are taken
  const StopBySignal stop({}, true);
  Reader reader(context, job_id, given.view, given.for_pager, heads, head);
  const Range range = range_of(context, job_id, given.view, stop.token());
  FollowOptions options;
  options.job_id = job_id;
  options.log_id = range.log_id;
  options.since_seq = range.since_seq;
  options.deadline = range.deadline;
  options.follow = given.follow;
  options.stop = stop.token();
  // What is there is shown as soon as nothing more is: a person may be waiting for it.
  options.on_idle = [&reader] { reader.idle(); };
  options.on_connection = say_connection;
  if (given.view.matcher && context.knows("search")) {
    search(context, given.view, range, options, reader);
    if (!given.follow) {
      reader.end();
      return 0;
    }
    // What comes may match, and then has those before it that did not.
    View last;
    last.tail = given.view.before, last.stream = given.view.stream;
    if (given.view.before > 0)
      options.since_seq =
          std::min(options.since_seq, range_of(context, job_id, last, stop.token()).since_seq);
  }
  for (;;) {
    Follower follower(context.client(), options);
    try {
      follow_until(follower, range.until_seq,
                   [&](std::string_view line, std::uint64_t) { reader.take(line); });
      break;
    } catch (const ApiError& e) {
      // Where it broke off, not where it began: what was printed is not printed again.
      options.since_seq = follower.cursor();
      if (!begin_behind_trimmed(e, options)) throw;
    }
  }
  reader.end();
  if (stop.stopped()) return stop.code();
  reader.check_stream();
  return 0;
}

// Several are told apart as tail(1) does it; of those that are searched, only where something is
// found.
int logs(Context& context, Reading& given) {
  check_view(given.view);
  if (given.follow && given.which.several())
    throw UsageError("--follow is for one job: 'domectl follow' takes several");
  const auto jobs = selected(context, given.which, {"show"});
  const bool searches = given.view.matcher || !given.view.level.empty();
  Heads heads(context, given.which.jobs.empty());
  for (const auto& job : jobs) {
    std::string head = jobs.size() > 1 && !context.json ? job : "";
    if (!head.empty() && !searches) heads.put(std::exchange(head, {}));
    const int code = context.with_job(
        job, [&](const std::string& id) { return logs_of(context, id, given, heads, head); });
    if (code != 0) return code;
  }
  return 0;
}

}  // namespace

void add_logs(CLI::App& app, Context& context) {
  const auto given = std::make_shared<Reading>();
  CLI::App* verb = app.add_subcommand("logs", "Print what jobs wrote");
  add_selection(*verb, given->which);
  add_view_options(*verb, given->view);
  verb->add_flag("-f,--follow", given->follow, "Go on until the job ends");
  verb->add_flag("--for-pager", given->for_pager)->group("");
  verb->footer(
      "On a terminal control sequences other than colours are shown, not obeyed.\n\n"
      "Examples:\n"
      "  domectl logs @last --tail 20\n"
      "  domectl logs nightly --grep 'error|warning' -C 3\n"
      "  domectl logs --label branch=main --grep 'undefined reference'\n"
      "  domectl logs JOB --stream stderr --since 10m -t");
  verb->callback(
      [&context, given] { context.action = [&context, given] { return logs(context, *given); }; });
}

}  // namespace domed::ctl

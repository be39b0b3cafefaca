#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "client/event_line.h"
#include "domectl/event_times.h"
#include "domectl/sink.h"
#include "domectl/terminal.h"
#include "domectl/view.h"

namespace domed::ctl {

// Shows a job's events as they come.
class Printer {
 public:
  enum class Form {
    lines,   // canonical event lines, as received
    output,  // the job's output byte for byte, stdout and stderr apart
    people,  // time, type and text
  };
  struct Options {
    Form form = Form::output;
    bool other_events = false;  // in form "output": the rest, for people, on stderr
    bool no_output = false;     // other events alone, on stdout
    bool progress = false;      // in form "output": a progress line on stderr
    std::size_t prefix_columns = 0;
    std::string prefix = {};     // before each line, where several jobs are shown; lines are whole
    const View* view = nullptr;  // times and matches; what is seen is Sieve's
    std::function<std::string()> created = {};  // the job's created_at (EventTimes)
  };

  Printer(Sink& out, Sink& err, Options options);
  ~Printer();
  Printer(const Printer&) = delete;
  Printer& operator=(const Printer&) = delete;

  // Throws as Sink does.
  void event(std::string_view line);
  // What was printed to "out" may wait until then.
  void flush() { out_.flush(); }
  // The job is over: what it wrote behind its last line feed is a line as well.
  void end_lines();
  void clear_progress();

 private:
  void output(const EventLine& event);
  void people(Sink& output, const Colours& colours, const EventLine& event);
  void progress(std::string_view payload);
  bool with_times() const { return options_.view && options_.view->times; }
  void put_lines(const EventLine& event, const Output& output);
  void begin_line(Sink& sink, const EventLine& event);

  Sink &out_, &err_;
  const Options options_;
  const Colours out_colours_, err_colours_;
  EventTimes times_;
  const Sink* last_ = nullptr;  // that output went to
  bool at_line_start_ = true;   // else a progress line would be written into the job's own
  bool progress_shown_ = false;
  // With a prefix: what came of a line whose end has not, by stream.
  std::map<std::string, std::string> parts_;
};

// What an event says, in one line without its time and type; empty where a person need
// not be told.
std::string summary(const EventLine& event, const Colours& colours, const View* view = nullptr);

// What a person must be told about the end of a stream, from the payload of stream_end;
// empty: nothing.
std::string stream_end_note(std::string_view payload);

// "[####------]  40% message" for a progress payload; empty where it is none.
std::string progress_bar(std::string_view payload);

}  // namespace domed::ctl

#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "client/event_line.h"
#include "domectl/terminal.h"

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
    bool progress = false;      // in form "output": a progress line on stderr
  };

  Printer(std::FILE* out, std::FILE* err, Options options);
  ~Printer() { clear_progress(); }
  Printer(const Printer&) = delete;
  Printer& operator=(const Printer&) = delete;

  // Throws Error(io) where the output cannot be written.
  void event(std::string_view line);
  // What was printed may stay in the file's buffer until then.
  void flush();
  void clear_progress();

 private:
  void output(const EventLine& event);
  void people(std::FILE* file, const Colours& colours, const EventLine& event);
  void progress(std::string_view payload);

  std::FILE *out_, *err_;
  const Options options_;
  const Colours out_colours_, err_colours_;
  bool at_line_start_ = true;  // else a progress line would be written into the job's own
  bool progress_shown_ = false;
};

// What an event says, in one line without its time and type.
std::string summary(const EventLine& event, const Colours& colours);

// "[####------]  40% message" for a progress payload; empty where it is none.
std::string progress_bar(std::string_view payload);

}  // namespace domed::ctl

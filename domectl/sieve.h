#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "client/event_line.h"
#include "domectl/view.h"

namespace domed::ctl {

// Lets through what a View shows of a log, event by event: of a search the output that matches,
// with the lines around it, each once.
class Sieve {
 public:
  using Show = std::function<void(std::string_view line, const EventLine& event)>;

  // "show" gets the events that are to be seen, "gap" is told before one that does not follow the
  // last, where lines around matches were asked for.
  Sieve(const View& view, Show show, std::function<void()> gap);

  // The next event of the log; of what comes twice the first is taken.
  void take(std::string_view line, const EventLine& event);

 private:
  void search(std::string_view line, const EventLine& event, const Output& output);
  void give(std::string_view line, const EventLine& event);

  const View& view_;
  const Show show_;
  const std::function<void()> gap_;
  std::deque<std::string> before_;
  std::size_t after_ = 0;  // that are still to be shown
  std::uint64_t last_ = 0;
  bool shown_ = false, left_out_ = false;
};

// "text" with what matches in red, where "colours" says so.
std::string highlighted(const View& view, const std::string& text, bool colours);

}  // namespace domed::ctl

#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <thread>

#include "system/fd.h"

namespace domed::ctl {

// Finds the keys that leave.
class LeaveKeys {
 public:
  // What of "typed" is for the job; "leaves" becomes true where it asks to leave.
  std::string pass(std::string_view typed, bool& leaves);

 private:
  // Of all that was typed so far: a read may end between the tilde and the dot.
  bool line_begins_ = true, tilde_ = false;
};

// Types for a job that has a terminal: from the moment when the job's runner takes
// them, keys go to the job, Ctrl-C too, and the size of this window does.  Enter, ~
// and . in a row leave the job alone.  Ends with the job, or with this object, and
// puts the terminal back as it was.
class Keyboard {
 public:
  // "socket": the status's "terminal".  "leave" is called from another thread.  "redraw": what
  // fills the screen is to paint it anew, for it began before we looked.
  Keyboard(std::string socket, std::function<void()> leave, bool redraw = false);
  ~Keyboard();
  Keyboard(const Keyboard&) = delete;
  Keyboard& operator=(const Keyboard&) = delete;

  // A person is there, at a terminal that shows the output.
  static bool there();
  // For a program that ends without destructors; for any thread.
  static void put_terminal_back();

 private:
  void work();
  bool connect();
  void type();
  bool pass_keys(LeaveKeys& keys);
  void send_window(bool smaller = false);
  bool send(const std::string& line);

  const std::string socket_;
  const std::function<void()> leave_;
  const bool redraw_;
  Fd end_, link_;
  std::thread thread_;
};

}  // namespace domed::ctl

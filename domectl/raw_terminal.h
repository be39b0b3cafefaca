#pragma once

#include <signal.h>

#include "system/fd.h"

namespace domed::ctl {

// While it lives every key comes as it is, nothing is echoed, and output is untouched.  One at a
// time.
class RawTerminal {
 public:
  RawTerminal();
  ~RawTerminal();
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

  // As it was before; nothing where there is none.  For any thread, also of a program that ends
  // without destructors: nobody gets a shell without echo because a daemon hung.
  static void put_back();
};

// Tells of changes of the window's size while it lives.  One at a time.
class WindowWatch {
 public:
  WindowWatch();
  ~WindowWatch();
  WindowWatch(const WindowWatch&) = delete;
  WindowWatch& operator=(const WindowWatch&) = delete;

  // An eventfd, readable when the size has changed.
  int fd() const { return fd_.get(); }

 private:
  Fd fd_;
  struct sigaction before_ {};
};

}  // namespace domed::ctl

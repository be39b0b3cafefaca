#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/json.h"
#include "system/fd.h"

namespace domed::bench {

// A program that was started, with what it takes from the machine.  Killed and
// reaped at the end of its life.
class Child {
 public:
  // Its standard output and error go to "log"; to a pipe, "in" and "out", where
  // that is empty.
  Child(const std::vector<std::string>& arguments, const std::string& log);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { end(9); }

  pid_t pid() const { return pid_; }
  // Its status as wait() gives it; "signal" 0 awaits its own end.
  int end(int signal);
  double cpu_seconds() const;
  std::uint64_t peak_rss() const;  // bytes
  std::uint64_t rss() const;
  Fd in, out;

 private:
  std::uint64_t status_field(const char* name) const;
  pid_t pid_ = 0;
};

// A load generator in a process of its own: this program again, in a role.
class Worker {
 public:
  Worker(const std::string& role, const Json& params);
  void await_ready() { (void)read_line(); }
  void go();
  // What the role returned.  Throws where it failed.
  Json result();
  const Child& process() const { return child_; }

 private:
  std::string read_line();
  Child child_;
  std::string read_;
};

// The worker's own side: tells that it is ready, and waits for go().
void ready();
int run_role(const std::string& role, const std::string& params);

// "/proc/self/exe" without the file's name.
std::string own_directory();

}  // namespace domed::bench

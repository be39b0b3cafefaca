#include "watchdog.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <string>

namespace conformance {
namespace {

// Far above what any test takes on any machine: it is no measurement.
constexpr unsigned kPatience = 180;  // seconds

char watched[256];

void say(const char* text) {
  if (::write(STDERR_FILENO, text, std::strlen(text)) < 0) return;
}

void give_up(int) {
  say("\n[  FAILED  ] ");
  say(watched);
  say(": hangs; nothing happened for 180 s. Look at it with a debugger:"
      " repeat with --gtest_filter\n");
  ::_exit(1);
}

}  // namespace

void Watchdog::watch(const char* name) {
  ::signal(SIGALRM, give_up);
  const std::size_t size = std::min(std::strlen(name), sizeof watched - 1);
  std::memcpy(watched, name, size);
  watched[size] = '\0';
  ::alarm(kPatience);
}

void Watchdog::rest() {
  ::alarm(0);
}

void Watchdog::OnTestStart(const ::testing::TestInfo& test) {
  watch((std::string(test.test_suite_name()) + '.' + test.name()).c_str());
}

}  // namespace conformance

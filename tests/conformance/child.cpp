#include "child.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <utility>

namespace conformance {
namespace {

// Far above what any step takes on any machine: it is no measurement.
constexpr int kChildPatience = 120'000;  // milliseconds

void write_all(int fd, std::string bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::write(fd, bytes.data(), bytes.size());
    if (size < 0 && errno != EINTR) ::_exit(4);
    if (size > 0) bytes.erase(0, static_cast<std::size_t>(size));
  }
}

std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n') c = ' ';
  return text;
}

}  // namespace

Child::Child(const std::function<void(const Say&)>& body, Begin begin) {
  int ends[2], start[2];
  if (::pipe(ends) != 0 || ::pipe(start) != 0) throw std::runtime_error("no pipe");
  std::fflush(nullptr);  // or the child would have the buffers too
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  pipe_ = ends[pid_ == 0 ? 1 : 0];
  ::close(ends[pid_ == 0 ? 0 : 1]);
  start_ = start[pid_ == 0 ? 0 : 1];
  ::close(start[pid_ == 0 ? 1 : 0]);
  if (pid_ != 0) {
    if (begin == Begin::at_once) this->begin();
    return;
  }
  char told;
  ssize_t size;
  while ((size = ::read(start_, &told, 1)) < 0 && errno == EINTR) {
  }
  if (size != 1) ::_exit(0);  // nobody is there any more
  const Say say = [this](const std::string& line) { write_all(pipe_, one_line(line) + '\n'); };
  try {
    body(say);
  } catch (const std::exception& error) {
    say(std::string("threw: ") + error.what());
  } catch (...) {
    say("threw: something that is no std::exception");
  }
  ::_exit(0);
}

Child::~Child() {
  kill();
  ::close(pipe_);
  ::close(start_);
}

void Child::begin() {
  write_all(start_, "!");
}

void Child::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

bool Child::receive() {
  pollfd ready{pipe_, POLLIN, 0};
  if (::poll(&ready, 1, kChildPatience) == 0) {
    kill();
    return false;
  }
  char block[4096];
  const ssize_t size = ::read(pipe_, block, sizeof block);
  if (size > 0) heard_.append(block, static_cast<std::size_t>(size));
  return size > 0 || (size < 0 && errno == EINTR);
}

std::optional<std::string> Child::hear() {
  std::size_t end = heard_.find('\n');
  while (end == std::string::npos) {
    if (!receive()) return std::nullopt;
    end = heard_.find('\n');
  }
  std::string line = heard_.substr(0, end);
  heard_.erase(0, end + 1);
  return line;
}

std::string in_child(const std::function<std::string()>& body) {
  Child child([&body](const Child::Say& say) { say(body()); });
  return child.hear().value_or("the child crashed or hung");
}

}  // namespace conformance

#include "command.h"

#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

namespace conformance {
namespace {

std::vector<std::string> environment_with(const std::map<std::string, std::string>& variables) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!variables.contains(std::string(text.substr(0, text.find('='))))) all.emplace_back(text);
  }
  for (const auto& [name, value] : variables) all.push_back(name + '=' + value);
  return all;
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status)) return "was killed by signal " + std::to_string(WTERMSIG(status));
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace

void run_command(const char* what, const std::string& command,
                 const std::map<std::string, std::string>& variables) {
  std::string shell = "sh", dash_c = "-c", text = command;
  char* const arguments[] = {shell.data(), dash_c.data(), text.data(), nullptr};
  std::vector<std::string> environment = environment_with(variables);
  std::vector<char*> pointers;
  for (std::string& entry : environment) pointers.push_back(entry.data());
  pointers.push_back(nullptr);
  pid_t pid = -1;
  if (const int error = ::posix_spawnp(&pid, "sh", nullptr, nullptr, arguments, pointers.data())) {
    ADD_FAILURE() << "cannot run the " << what << " command: " << std::strerror(error);
    return;
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  EXPECT_EQ(0, status) << "the " << what << " command " << how_it_ended(status) << ": " << command;
}

}  // namespace conformance

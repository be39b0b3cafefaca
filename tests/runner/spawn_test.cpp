#include "runner/spawn.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "scratch.h"

namespace domed {
namespace {

std::string read_to_end(const Fd& fd) {
  std::string out;
  char buffer[4096];
  for (;;) {
    pollfd ready{fd.get(), POLLIN, 0};
    poll(&ready, 1, -1);
    const ssize_t n = read(fd.get(), buffer, sizeof buffer);
    if (n == 0) return out;
    if (n > 0) out.append(buffer, static_cast<std::size_t>(n));
  }
}

std::string output_of(const std::vector<std::string>& command,
                      const std::vector<std::string>& environment = {"PATH=/usr/bin:/bin"},
                      const std::string& cwd = "/") {
  Child child = spawn(command, environment, cwd);
  const std::string out = read_to_end(child.out);
  waitpid(child.pid, nullptr, 0);
  return out;
}

std::string failure_of(const std::vector<std::string>& command, const std::string& cwd = "/",
                       const std::string& path = "/usr/bin:/bin") {
  try {
    const Child child = spawn(command, {"PATH=" + path}, cwd);
    waitpid(child.pid, nullptr, 0);
    return "started";
  } catch (const SpawnError& e) {
    return e.what();
  }
}

TEST(Spawn, RunsInTheGivenDirectoryWithTheGivenEnvironmentOnly) {
  EXPECT_EQ("/tmp\n", output_of({"pwd"}, {"PATH=/usr/bin:/bin"}, "/tmp"));
  EXPECT_EQ("A=b\n", output_of({"env"}, {"A=b"}));
}

// What "cat" reads from "input", or why it does not.
std::string read_from(const Chosen& input) {
  try {
    Child child = spawn({"cat"}, {"PATH=/usr/bin:/bin"}, "/", {}, input);
    const std::string out = read_to_end(child.out);
    waitpid(child.pid, nullptr, 0);
    return out;
  } catch (const SpawnError& e) {
    return e.what();
  }
}

TEST(Spawn, EntersTheDirectoryThatItLookedAtOrNone) {
  const Scratch scratch;
  const std::string root = std::filesystem::canonical(scratch.path());
  std::filesystem::create_directories(root + "/in/deep");
  std::filesystem::create_directory_symlink("/tmp", root + "/in/out");
  std::filesystem::create_directory_symlink("deep", root + "/in/near");
  const auto pwd = [&](const std::string& cwd) -> std::string {
    try {
      Child child = spawn({"/bin/pwd", "-P"}, {}, {cwd, {"/nowhere", root + "/in"}});
      const std::string out = read_to_end(child.out);
      waitpid(child.pid, nullptr, 0);
      return out;
    } catch (const SpawnError& e) {
      return e.what();
    }
  };
  EXPECT_EQ(root + "/in/deep\n", pwd(root + "/in/near"));
  for (const std::string& bad :
       {root + "/in/out", root, root + "/in/deep/../..", std::string("/proc/self/cwd")})
    EXPECT_EQ(0u, pwd(bad).find("cannot run \"/bin/pwd\": its working directory ")) << pwd(bad);
}

TEST(Spawn, ReadsOnlyRegularFilesWhereTheyMayLie) {
  const Scratch scratch;
  const std::string root = std::filesystem::canonical(scratch.path());
  std::filesystem::create_directory(root + "/in");
  std::ofstream(root + "/in/file") << "inside";
  std::ofstream(root + "/file") << "outside";
  std::filesystem::create_symlink("../file", root + "/in/link");
  mkfifo((root + "/fifo").c_str(), 0600);
  EXPECT_EQ("inside", read_from({root + "/in/file", {root + "/in"}}));
  EXPECT_EQ("outside", read_from(root + "/in/link"));
  EXPECT_EQ("", read_from("/dev/null"));
  for (const Chosen& bad :
       {Chosen(root + "/in/link", {root + "/in"}), Chosen(root + "/file", {root + "/in"}),
        Chosen("/dev/null", {root}), Chosen(root + "/fifo"), Chosen("/dev/stdin"),
        Chosen("/proc/self/environ"), Chosen("/proc/self/fd/0"), Chosen(root)})
    EXPECT_EQ(0u, read_from(bad).find("cannot run \"cat\": its input cannot be read: "))
        << bad.path << ": " << read_from(bad);
}

TEST(Spawn, PassesNoDescriptorOn) {
  const int leak = open("/dev/null", O_RDONLY);  // not close-on-exec
  EXPECT_EQ("0\n1\n2\n3\n", output_of({"ls", "/proc/self/fd"})) << "3 is the directory itself";
  close(leak);
}

TEST(Spawn, PassesNoSignalStateOn) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  signal(SIGPIPE, SIG_IGN);
  const std::string status = output_of({"cat", "/proc/self/status"});
  signal(SIGPIPE, SIG_DFL);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  const auto mask = [&](const std::string& name) {
    return std::stoull(status.substr(status.find(name) + name.size() + 2), nullptr, 16);
  };
  EXPECT_EQ(0u, mask("SigBlk"));
  EXPECT_EQ(0u, mask("SigIgn") & 0x7fffffff) << "above are the C library's own";
}

TEST(Spawn, MakesASessionAndGroupOfItsOwn) {
  Child child = spawn({"sleep", "1000"}, {}, "/");
  EXPECT_EQ(child.pid, getsid(child.pid));
  EXPECT_EQ(child.pid, getpgid(child.pid));
  kill(-child.pid, SIGKILL);
  waitpid(child.pid, nullptr, 0);
}

TEST(Spawn, NamesAProgramThatIsMissing) {
  EXPECT_EQ("cannot run \"no-such-program\": not found in PATH", failure_of({"no-such-program"}));
  EXPECT_EQ("cannot run \"./nope\": No such file or directory", failure_of({"./nope"}));
  EXPECT_EQ("cannot run \"/tmp\": Is a directory", failure_of({"/tmp"}));
  EXPECT_EQ("cannot run \"\": not found in PATH", failure_of({""}));
}

TEST(Spawn, NamesAWorkingDirectoryThatIsMissing) {
  EXPECT_EQ(
      "cannot run \"ls\": its working directory \"/no/where\" cannot be entered: No such file "
      "or directory",
      failure_of({"ls"}, "/no/where"));
}

TEST(Spawn, NamesAProgramThatMayNotRun) {
  const Scratch scratch;
  write_own(scratch / "tool", "#!/bin/sh\n");
  EXPECT_EQ("cannot run \"./tool\": Permission denied", failure_of({"./tool"}, scratch.path()));
  EXPECT_EQ("cannot run \"tool\": found in PATH, but not executable: permission denied",
            failure_of({"tool"}, "/", scratch.path()));
}

TEST(Spawn, ExplainsAMissingInterpreter) {
  const Scratch scratch;
  write_own(scratch / "tool", "#!/no/such/interpreter\n");
  chmod((scratch / "tool").c_str(), 0755);
  const std::string text = failure_of({"./tool"}, scratch.path());
  EXPECT_NE(std::string::npos, text.find("interpreter")) << text;
}

TEST(Spawn, FindsProgramsRelativeToTheJob) {
  const Scratch scratch;
  write_own(scratch / "tool", "#!/bin/sh\necho $0\n");
  chmod((scratch / "tool").c_str(), 0755);
  EXPECT_EQ("./tool\n", output_of({"./tool"}, {}, scratch.path()));
  EXPECT_EQ("./tool\n", output_of({"tool"}, {"PATH=:/bin"}, scratch.path()));
}

}  // namespace
}  // namespace domed

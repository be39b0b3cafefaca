// Jobs that somebody types at, and jobs with a cgroup.
#include <sys/socket.h>

#include "job.h"
#include "system/unix_socket.h"

namespace domed {
namespace {

class TypingTest : public JobTest {
 protected:
  TypingTest() { spec_["tty"] = {{"rows", 24}, {"columns", 80}}; }

  void connect() {
    person_ = Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_TRUE(at_socket(::connect, person_, dir_, "tty"));
  }
  void say(const std::string& line) {
    const std::string text = line + "\n";
    EXPECT_EQ(static_cast<ssize_t>(text.size()),
              send(person_.get(), text.data(), text.size(), MSG_NOSIGNAL));
  }
  void type(const std::string& keys) { say(Json{{"b64", to_base64(keys)}}.dump()); }
  void run_until_ready(const std::string& script) {
    run(script);
    daemon_.wait_for("ready");
    connect();
  }

  Fd person_;
};

TEST_F(TypingTest, KeysReachTheCommand) {
  run_until_ready("echo ready; read x; echo \"hi $x\"");
  type("An");
  type("n\r");
  finish();
  EXPECT_EQ("ready\r\nAnn\r\nhi Ann\r\n", daemon_.output("stdout")) << "echo included";
}

TEST_F(TypingTest, ControlKeysSteerTheCommand) {
  run_until_ready("trap 'exit 3' INT; echo ready; while :; do sleep 0.01; done");
  type("\x03");
  finish();
  EXPECT_EQ(3, last()["exit_code"]);
}

TEST_F(TypingTest, TheWindowMayChange) {
  run_until_ready("trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.01; done");
  say(R"({"rows":31,"columns":102})");
  finish();
  EXPECT_TRUE(daemon_.output("stdout").ends_with("31 102\r\n")) << daemon_.output("stdout");
}

TEST_F(TypingTest, WhatIsNotReadYetWaits) {
  run_until_ready("stty raw -echo; echo ready; head -c 100000 | sha256sum; echo");
  const std::string keys(1000, 'k');
  for (int i = 0; i < 100; ++i) type(keys);
  finish();
  EXPECT_NE(std::string::npos,
            daemon_.output("stdout").find(sha256_hex(std::string(100'000, 'k'))));
}

TEST_F(TypingTest, WhoSendsRubbishIsLetGo) {
  run_until_ready("echo ready; read x; echo \"hi $x\"");
  say("rubbish");
  char byte = 0;
  EXPECT_EQ(0, read(person_.get(), &byte, 1));
  connect();
  type("Ann\r");
  finish();
  EXPECT_TRUE(daemon_.output("stdout").ends_with("hi Ann\r\n"));
}

TEST_F(TypingTest, TheLastToConnectTypes) {
  run_until_ready("echo ready; read x; echo \"hi $x\"");
  const Fd first = std::move(person_);
  connect();
  char byte = 0;
  EXPECT_EQ(0, read(first.get(), &byte, 1));
  type("Ann\r");
  finish();
}

// The cgroup is a plain directory, which takes what is written.
class CgroupTest : public JobTest {
 protected:
  CgroupTest() { spec_["cgroup"] = path("cgroup"); }
  std::string in_cgroup(const std::string& name) const { return read_own(path("cgroup/" + name)); }
};

TEST_F(CgroupTest, BoundsAllOfTheJob) {
  spec_["limits"] = {{"memory", 1 << 30}, {"processes", 50}, {"open_files", 33}};
  run("echo $$; ulimit -v; ulimit -n");
  finish();
  EXPECT_EQ(in_cgroup("cgroup.procs") + "\nunlimited\n33\n", daemon_.output("stdout"));
  EXPECT_EQ("1073741824", in_cgroup("memory.max"));
  EXPECT_EQ("50", in_cgroup("pids.max"));
}

TEST_F(CgroupTest, IsKilledInOneStep) {
  run("trap '' TERM; echo ready; while :; do sleep 0.01; done");
  daemon_.wait_for("ready");
  EXPECT_FALSE(ran("cgroup/cgroup.kill"));
  daemon_.cancel();
  finish();
  EXPECT_EQ("canceled", last()["to"]);
  EXPECT_EQ("1", in_cgroup("cgroup.kill"));
}

TEST_F(CgroupTest, TellsOfMemoryThatRanOut) {
  spec_["limits"] = {{"memory", 1 << 30}};
  run("printf 'oom 1\\noom_kill 1\\n' > cgroup/memory.events; kill -9 $$");
  finish();
  EXPECT_EQ("limit", last()["reason"]);
  EXPECT_EQ("the job needed more than its 1073741824 bytes of memory", last()["message"]);
}

TEST_F(CgroupTest, IsNotDoneWithoutWhereItCannotBeMade) {
  spec_["cgroup"] = "/proc/no-cgroup";
  run("true");
  finish();
  EXPECT_EQ("spawn_error", last()["reason"]);
  EXPECT_NE(std::string::npos, last()["message"].get<std::string>().find("/proc/no-cgroup"));
}

}  // namespace
}  // namespace domed

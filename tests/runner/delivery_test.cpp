// One runner, one job, a daemon in trouble.
#include "base/units.h"
#include "job.h"
#include "runner/spool.h"

namespace domed {
namespace {

class DeliveryTest : public JobTest {};

TEST_F(DeliveryTest, RunsNothingBeforeItsBatchIsAcknowledged) {
  daemon_.hold();
  run("touch ran");
  while (read_if_there(dir_ + "/spool").empty()) usleep(2000);
  EXPECT_FALSE(exists(dir_ + "/child.json"));
  EXPECT_FALSE(ran("ran"));
  daemon_.allow();
  finish();
  EXPECT_TRUE(ran("ran"));
}

TEST_F(DeliveryTest, RunsNothingWhereTheDaemonRefuses) {
  for (const char* error : {"E_SEALED", "E_INVALID_TRANSITION", "E_NOT_FOUND", "E_GONE"}) {
    daemon_.refuse(error);
    run("touch ran");
    EXPECT_EQ(0, wait_for_exit()) << error;
    EXPECT_FALSE(ran("ran")) << error;
    unlink((dir_ + "/spool").c_str());
  }
}

TEST_F(DeliveryTest, RunsNothingThatWasCanceledMeanwhile) {
  daemon_.cancel();
  run("touch ran");
  finish();
  EXPECT_FALSE(ran("ran"));
  EXPECT_EQ("canceled", last()["to"]);
}

TEST_F(DeliveryTest, FollowsItsLogToANewName) {
  run("echo ready; read x < fifo; echo more");
  daemon_.wait_for("ready");
  daemon_.rename(false);
  tell_job("go\n");
  finish();
  EXPECT_EQ("ready\nmore\n", daemon_.output("stdout"));
  EXPECT_EQ("succeeded", last()["to"]);
}

// What was acknowledged after the poll was asked is not lost because its answer does not tell of
// it.
TEST_F(DeliveryTest, FollowsItsLogToANewNameThatItHearsOfLate) {
  run("echo ready; read x < fifo; echo more; read x < fifo; echo end");
  daemon_.wait_for("ready");
  daemon_.wait_for_poll();
  daemon_.rename(false, true);
  tell_job("go\n");
  daemon_.wait_for_poll();  // by the new name
  tell_job("go\n");
  finish();
  EXPECT_EQ("ready\nmore\nend\n", daemon_.output("stdout"));
  EXPECT_EQ("succeeded", last()["to"]);
}

TEST_F(DeliveryTest, EndsWhereTheStoreLostWhatWasAcknowledged) {
  ::testing::internal::CaptureStderr();  // its log, from which the daemon tells its last words
  run("echo ready; sleep 1000");
  daemon_.wait_for("ready");
  daemon_.rename(true);
  EXPECT_EQ(1, wait_for_exit());
  const std::string said = ::testing::internal::GetCapturedStderr();
  EXPECT_NE(std::string::npos, said.find("the store lost acknowledged events")) << said;
}

// The output waits in the pipe until the daemon counts as away, and the command is over by then.
TEST_F(DeliveryTest, ReadsWhatTheCommandWroteWhileNothingCouldBeRead) {
  spec_["max_ahead"] = 4096;
  run("echo ready; read x < fifo; seq 1000; seq 1001 4000; sleep 0.5");
  daemon_.wait_for("ready");
  daemon_.stop();
  tell_job("go\n");
  usleep(3'000'000);
  daemon_.start();
  finish();
  std::string expected = "ready\n";
  for (int i = 1; i <= 4000; ++i) expected += std::to_string(i) + "\n";
  EXPECT_EQ(expected, daemon_.output("stdout"));
  EXPECT_EQ("eof", daemon_.events_of("stream_end")[0]["end"]);
}

TEST_F(DeliveryTest, NeverRunsTwice) {
  run("echo x >> ran");
  finish();
  run("echo x >> ran");
  EXPECT_EQ(1, wait_for_exit());
  EXPECT_EQ("x\n", read_own(path("ran")));
}

TEST_F(DeliveryTest, LeavesAJobToTheRunnerThatHasIt) {
  const auto lock = lock_own(dir_ + "/lock");
  run("touch ran");
  EXPECT_EQ(0, wait_for_exit());
  EXPECT_FALSE(exists(dir_ + "/spool"));
}

TEST_F(DeliveryTest, HoldsItsLockWhileItLives) {
  run("echo ready; exec sleep 1000");
  daemon_.wait_for("ready");
  EXPECT_FALSE(lock_own(dir_ + "/lock"));
  kill(runner_, SIGTERM);
  finish();
  EXPECT_TRUE(lock_own(dir_ + "/lock"));
}

TEST_F(DeliveryTest, SurvivesLostReplies) {
  daemon_.lose_replies(3);
  run("seq 1 3000");
  finish();
  EXPECT_GE(daemon_.replays(), 1);
  EXPECT_EQ(3000u, daemon_.events_of("log").size());
}

TEST_F(DeliveryTest, SurvivesADaemonThatComesBack) {
  run("echo before; read x < fifo; echo during; seq 1 1000");
  daemon_.wait_for("before");
  daemon_.stop();
  tell_job("go\n");
  while (read_if_there(dir_ + "/spool").find("succeeded") == std::string::npos) usleep(5000);
  daemon_.start();
  finish();
  EXPECT_EQ(1002u, daemon_.events_of("log").size());
  EXPECT_EQ("succeeded", last()["to"]);
}

std::int64_t spooled_at(const std::string& spool, const std::string& text) {
  std::int64_t t = 0;
  for_each_line(read_own(spool, 1 << 30), [&](std::string_view line) {
    const Json batch = Json::parse(line);
    for (const Json& event : batch["events"])
      if (event.dump().find(text) != std::string::npos) t = event.value("t", std::int64_t{0});
  });
  return t;
}

// Not when a daemon heard of it: what is sent was frozen before.
TEST_F(DeliveryTest, TellsWhenItHappened) {
  spec_["times"] = true;
  const std::int64_t begun = now_micros();
  run("echo before; read x < fifo; echo during; exit 3");
  daemon_.wait_for("before");
  daemon_.stop();
  const std::int64_t stopped = now_micros();
  tell_job("go\n");
  while (read_if_there(dir_ + "/spool").find("failed") == std::string::npos) usleep(5000);
  const std::int64_t ended = now_micros();
  const std::int64_t line = spooled_at(dir_ + "/spool", "during"),
                     end = spooled_at(dir_ + "/spool", "failed");
  daemon_.start();
  finish();
  const auto between = [](std::int64_t low, std::int64_t t, std::int64_t high) {
    return low <= t && t <= high;
  };
  const auto events = daemon_.events();
  EXPECT_TRUE(between(begun, events.at(1)["t"], stopped)) << "running";
  EXPECT_TRUE(between(begun, events.at(2)["t"], stopped)) << "before";
  EXPECT_TRUE(between(stopped, line, ended)) << line;
  EXPECT_EQ(line, events.at(3)["t"]);
  EXPECT_TRUE(between(stopped, end, ended)) << end;
  EXPECT_EQ(end, events.back()["t"]);
}

TEST_F(DeliveryTest, TellsNoTimesToADaemonThatDoesNotKnowThem) {
  run("echo x");
  finish();
  for (const Json& event : daemon_.events()) EXPECT_FALSE(event.contains("t")) << event;
}

TEST_F(DeliveryTest, GivesUpInTheEndAndLeavesTheSpool) {
  spec_["give_up_ms"] = 300;
  run("echo before; read x < fifo; exit 4");
  daemon_.wait_for("before");
  daemon_.stop();
  tell_job("go\n");
  EXPECT_EQ(1, wait_for_exit());
  std::string final_line;
  for_each_line(read_own(dir_ + "/spool", 1 << 30),
                [&](std::string_view line) { final_line = line; });
  EXPECT_EQ(4, Json::parse(final_line)["events"].back()["payload"]["exit_code"]);
}

TEST_F(DeliveryTest, EndsAJobThatTheDaemonForgot) {
  run("echo $$; setsid sleep 1000 & exec sleep 1000");
  daemon_.wait_for("\"log\"");
  const std::string pid = daemon_.output("stdout");
  daemon_.refuse("E_NOT_FOUND");
  EXPECT_EQ(0, wait_for_exit());
  EXPECT_NE(0, kill(std::stoi(pid), 0));
}

// A silent one would never learn of it by its own appends.
TEST_F(DeliveryTest, EndsACommandWhoseLogSomebodySealed) {
  run("echo $$; setsid sleep 1000 & exec sleep 1000");
  daemon_.wait_for("\"log\"");
  const std::string pid = daemon_.output("stdout");
  daemon_.seal();
  EXPECT_EQ(0, wait_for_exit());
  EXPECT_NE(0, kill(std::stoi(pid), 0));
}

TEST_F(DeliveryTest, EndsAJobWhoseDaemonTookItsStoreAlong) {
  spec_["durable"] = false;
  spec_["give_up_ms"] = 1000;
  run("echo $$; exec sleep 1000");
  daemon_.wait_for("\"log\"");
  daemon_.stop();
  EXPECT_EQ(1, wait_for_exit());
  EXPECT_NE(0, kill(std::stoi(daemon_.output("stdout")), 0));
  EXPECT_FALSE(exists(dir_)) << "nobody will ever look for it";
}

TEST_F(DeliveryTest, EndsACommandThatItCannotRecord) {
  mkdir((dir_ + "/child.json.tmp").c_str(), 0700);  // so that it cannot be written
  run("exec sleep 1000");
  finish();
  EXPECT_EQ("spawn_error", last()["reason"]);
  EXPECT_NE(std::string::npos, last()["message"].get<std::string>().find("child.json"));
}

// Any job of this user can put things there before us.
TEST_F(DeliveryTest, WritesThroughNothingThatWasPlanted) {
  for (const char* name : {"runner.json", "runner.json.tmp", "child.json.tmp", "spool.tmp"}) {
    write_own(path(name), "victim");
    ASSERT_EQ(0, symlink(path(name).c_str(), (dir_ + "/" + name).c_str()));
  }
  run("seq 1 100000");
  finish();
  for (const char* name : {"runner.json", "runner.json.tmp", "child.json.tmp", "spool.tmp"})
    EXPECT_EQ("victim", read_own(path(name))) << name;
}

TEST_F(DeliveryTest, DoesNotWaitForALockThatIsNone) {
  ASSERT_EQ(0, mkfifo((dir_ + "/lock").c_str(), 0600));
  run("touch ran");
  EXPECT_EQ(1, wait_for_exit());
  EXPECT_FALSE(ran("ran"));
}

TEST_F(DeliveryTest, LeavesASpoolThatCanBeReplayed) {
  run("echo before; while :; do seq 1 1000; done");
  daemon_.wait_for("before");
  daemon_.hold();
  while (std::filesystem::file_size(dir_ + "/spool") < (500u << 10)) usleep(5000);
  const Json child = Json::parse(read_own(dir_ + "/child.json"));
  kill(runner_, SIGKILL);
  wait_for_exit();
  kill(-child["pgid"].get<pid_t>(), SIGKILL);
  std::uint64_t batch = 0;
  for_each_line(read_own(dir_ + "/spool", 1 << 30), [&](std::string_view line) {
    const Json params = Json::parse(compact_json(line));
    EXPECT_TRUE(batch == 0 || params["batch"] == batch + 1) << params["batch"];
    batch = params["batch"];
  });
  EXPECT_GT(batch, 2u);
  daemon_.allow();
}

TEST_F(DeliveryTest, HoldsTheJobBackWhileTheDaemonIsAway) {
  spec_["max_spool"] = 1 << 20;
  run("echo before; head -c 3000000 /dev/zero | tr '\\0' 'x'; echo after");
  daemon_.wait_for("before");
  daemon_.hold();
  std::uintmax_t size = 0, seen = 1;
  for (; size != seen || size < (1u << 20); usleep(300'000)) {
    seen = size;
    size = std::filesystem::file_size(dir_ + "/spool");
  }
  EXPECT_LT(size, 2u << 20);
  daemon_.allow();
  finish();
  EXPECT_EQ(3'000'000u + 13, daemon_.output("stdout").size());
}

}  // namespace
}  // namespace domed

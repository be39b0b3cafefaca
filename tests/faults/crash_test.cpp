// Processes that are killed, readers that stop, and logs that are trimmed under a reader.
#include <csignal>
#include <future>
#include <thread>

#include "scene.h"

namespace domed::faults {
namespace {

using namespace std::chrono_literals;

class Crash : public Scene, public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override { begin(GetParam()); }
  bool durable() const { return GetParam() != "store-memory"; }
};

TEST_P(Crash, OfTheDaemonLosesNothingAcknowledged) {
  if (!durable()) GTEST_SKIP() << "this store declares durability none";
  const Json job = submit_external("job");
  auto live = std::async(std::launch::async, [&] { return follow("live", job); });
  history::RecordedProducer producer(*recorder, "producer", producer_of(job, "p"));
  producer.append(kRunning);
  for (int batch = 0; batch < 100; ++batch) {
    producer.append(lines_of(batch, 5));
    if (batch % 25 != 24) continue;
    daemon->end(SIGKILL);  // with batches on their way
    recorder->write("daemon", "daemon", {{"state", "killed"}});
    daemon->start();
  }
  producer.append(kSucceeded);
  ASSERT_TRUE(producer.flush(60s));
  EXPECT_EQ("terminal", live.get().end);
  audit({job});
}

// Follows a command until it says "ready"; the follow goes on.
struct Ready {
  std::promise<void> said;
  Follower::OnEvent watch() {
    return [this, told = false](std::string_view line, std::uint64_t) mutable {
      if (!told && line.find("ready") != std::string_view::npos) said.set_value(), told = true;
    };
  }
};

TEST_P(Crash, OfARunnerIsToldAndNothingHangs) {
  const Json job = submit_command("job", {"sh", "-c", "echo ready; sleep 1000"});
  Ready ready;
  auto live =
      std::async(std::launch::async, [&] { return follow("live", job, {}, ready.watch()); });
  ready.said.get_future().get();
  kill(daemon->runner(job.at("run_id")), SIGKILL);
  EXPECT_EQ("terminal", live.get().end);
  EXPECT_EQ("lost", Client(endpoint()).call("GetJobStatus", {{"job_id", job["job_id"]}})["reason"]);
  audit({job});
}

TEST_P(Crash, OfDaemonAndRunnerIsToldAndNothingHangs) {
  if (!durable()) GTEST_SKIP() << "this store declares durability none";
  const Json job = submit_command("job", {"sh", "-c", "echo ready; sleep 1000"});
  Ready ready;
  auto live =
      std::async(std::launch::async, [&] { return follow("live", job, {}, ready.watch()); });
  ready.said.get_future().get();
  const pid_t runner = daemon->runner(job.at("run_id"));
  daemon->end(SIGKILL);
  kill(runner, SIGKILL);
  daemon->start();
  EXPECT_EQ("terminal", live.get().end);
  EXPECT_EQ("lost", Client(endpoint()).call("GetJobStatus", {{"job_id", job["job_id"]}})["reason"]);
  audit({job});
}

TEST_P(Crash, OfAllWithoutDurabilityIsLoud) {
  if (durable()) GTEST_SKIP() << "this store keeps its jobs";
  const Json job = submit_external("job");
  auto live = std::async(std::launch::async, [&] { return follow("live", job); });
  history::RecordedProducer producer(*recorder, "producer", producer_of(job, "p"));
  producer.append(kRunning);
  ASSERT_TRUE(producer.flush(60s));
  daemon->end(SIGKILL);
  recorder->write("daemon", "daemon", {{"state", "killed"}});
  daemon->start();
  EXPECT_EQ("E_NOT_FOUND", live.get().error);
}

TEST_P(Crash, AReaderThatATrimOvertakesIsTold) {
  const Json job = submit_external("job");
  produce(job, 20, false);
  FollowOptions options;
  options.max_events = 2;
  const auto ended = follow("slow", job, options, [&](std::string_view, std::uint64_t seq) {
    if (seq != 2) return;
    Client(endpoint()).call("TrimJob", {{"job_id", job["job_id"]}, {"keep_from_seq", 10}});
    recorder->write("trimmer", "trimmed", {{"job", job["job_id"]}, {"first", 10}});
  });
  EXPECT_EQ("E_COMPACTED", ended.error);
  audit({job});
}

TEST_P(Crash, AConnectionThatIsCutIsNoEnd) {
  put_between("none", 1);
  const Json job = submit_external("job");
  auto live = std::async(std::launch::async, [&] { return follow("live", job); });
  history::RecordedProducer producer(*recorder, "producer", producer_of(job, "p"));
  producer.append(kRunning);
  for (int batch = 0; batch < 30; ++batch) {
    producer.append(lines_of(batch, 3));
    if (batch % 10 == 5) proxy->cut();
  }
  producer.append(kSucceeded);
  ASSERT_TRUE(producer.flush(60s));
  EXPECT_EQ("terminal", live.get().end);
  audit({job});
}

TEST_P(Crash, SlowReaderHoldsUpNobodyAndLosesNothing) {
  const Json job = submit_external("job");
  std::promise<void> stuck, released;
  auto slow = std::async(std::launch::async, [&] {
    return follow("slow", job, {}, [&](std::string_view, std::uint64_t seq) {
      if (seq != 1) return;
      stuck.set_value();
      released.get_future().get();
    });
  });
  stuck.get_future().get();
  auto quick = std::async(std::launch::async, [&] { return follow("quick", job); });
  produce(job, 400, false);
  EXPECT_EQ("terminal", quick.get().end);
  released.set_value();
  EXPECT_EQ("terminal", slow.get().end);
  audit({job});
}

INSTANTIATE_TEST_SUITE_P(Stores, Crash, ::testing::Values("store-memory", "store-sqlite"),
                         [](const auto& param_info) {
                           return param_info.param == "store-memory" ? "Memory" : "Sqlite";
                         });

}  // namespace
}  // namespace domed::faults

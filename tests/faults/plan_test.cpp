// Every fault plan, on every store: all that clients saw keeps the contract.
#include <algorithm>
#include <filesystem>
#include <thread>

#include "scene.h"

namespace domed::faults {
namespace {

using namespace std::chrono_literals;

class FaultPlan : public Scene,
                  public ::testing::WithParamInterface<std::tuple<std::string, std::string>> {
 protected:
  void SetUp() override {
    begin(std::get<0>(GetParam()));
    put_between(plan(), 1);
  }
  static std::string plan() { return std::get<1>(GetParam()); }
};

// Ends a follow by hand every 20 events, and goes on from the cursor.
history::Ended follow_in_pieces(
    const std::function<history::Ended(FollowOptions, const Follower::OnEvent&)>& follow) {
  FollowOptions options;
  for (;;) {
    std::stop_source stop;
    options.stop = stop.get_token();
    int count = 0;
    const auto ended = follow(options, [&](std::string_view, std::uint64_t) {
      if (++count == 20) stop.request_stop();
    });
    if (ended.end != "stopped") return ended;
    options.since_seq = ended.cursor;
    options.log_id = ended.log_id;
  }
}

TEST_P(FaultPlan, FollowersGetEachEventOnceAndEnd) {
  const Json job = submit_external("job");
  history::Ended live, pieces, polls;
  std::thread frames([&] { live = follow("frames", job); });
  std::thread resuming([&] {
    pieces = follow_in_pieces([&](FollowOptions options, const Follower::OnEvent& on_event) {
      return follow("pieces", job, options, on_event);
    });
  });
  std::thread polling([&] {
    FollowOptions options;
    options.use_frames = false;
    polls = follow("polls", job, options);
  });
  // Heartbeats, for one, come to those who wait.
  produce(job, 60, true, [&] {
    const bool only_at_the_end = plan() == "none" || plan() == "drop-last";
    EXPECT_TRUE(only_at_the_end || proxy->await_touched(30s)) << "the plan did nothing";
  });
  for (auto* thread : {&frames, &resuming, &polling}) thread->join();
  for (const auto* ended : {&live, &pieces, &polls})
    EXPECT_EQ("terminal", ended->end) << ended->error;
  EXPECT_EQ(plan() != "none", proxy->touched() > 0) << "what the plan did";
  audit({job});
}

std::vector<std::string> plan_names() {
  std::vector<std::string> out;
  for (const auto& plan : plans()) out.push_back(plan.name);
  return out;
}

INSTANTIATE_TEST_SUITE_P(Stores, FaultPlan,
                         ::testing::Combine(::testing::Values("store-memory", "store-sqlite"),
                                            ::testing::ValuesIn(plan_names())),
                         [](const auto& param_info) {
                           std::string name =
                               std::get<0>(param_info.param) + "_" + std::get<1>(param_info.param);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

class ProxyTest : public Scene {};

TEST_F(ProxyTest, KeepsNothingOfConnectionsThatEnded) {
  begin("store-memory");
  put_between("none", 1);
  const auto before = open_descriptors();
  for (int i = 0; i < 50; ++i) Client(endpoint()).call("Health", Json::object());
  EXPECT_LT(open_descriptors() - before, 50);  // the last few may still be on their way out
}

TEST(FaultPlans, KnowTheKindsOfFrames) {
  const std::string header =
      "{\"log_id\":\"l\",\"first\":3,\"head\":2,\"state\":\"succeeded\",\"epoch\":\"e\"}\n";
  EXPECT_TRUE(is_heartbeat("job/a\n" + header));
  EXPECT_FALSE(is_heartbeat("job/a\n" + header + "{}\n"));
  EXPECT_TRUE(tells_the_end("job/a\n" + header + "{}\n"));
  EXPECT_FALSE(tells_the_end("job/a\n" + header));
  EXPECT_FALSE(is_job_frame("daemon\n{}\n"));
}

TEST(FaultPlans, ANameThatIsNoneIsRefused) {
  EXPECT_THROW(plan_of("nonsense", 1), std::invalid_argument);
}

}  // namespace
}  // namespace domed::faults

#include "nodes/cluster_times.h"

#include <gtest/gtest.h>

// `Takeover`: what a node may do by the age of its lease, and what it tells its runs.
namespace domed {
namespace {

using namespace std::chrono_literals;
using Ms = std::chrono::milliseconds;

TEST(ClusterTimes, AreThoseOfTheTimeline) {
  const ClusterTimes times;
  EXPECT_EQ("", times.problem());
  EXPECT_EQ(26s, *times.stop_before()) << "grace 5 s, ttl 15 s, margin 1 % of 10 min";
  // The renewal was sent at 0, and the runner asks at once: TERM at 589, nothing left at 594.
  EXPECT_EQ(589s, *times.stop_in(times.ttl));
  EXPECT_EQ(5s, times.renew_every());
  EXPECT_EQ(5s, times.poll_at_most());
}

// However old the lease is when a runner asks: it ends before the renewal is lost_after old.
TEST(ClusterTimes, LeaveNothingByTheTimeARunIsGivenUp) {
  const ClusterTimes times{3s, Ms(20s), 1s};
  for (Ms sent = 0s; *times.stop_in(times.ttl - sent) >= 0s; sent += 500ms)
    EXPECT_LE(sent + *times.stop_in(times.ttl - sent) + times.cancel_grace + 5s, *times.lost_after)
        << "asked " << sent.count() << " ms after the renewal";
}

TEST(ClusterTimes, TellNobodyToStopWhereNoRunIsGivenUp) {
  const ClusterTimes times{15s, std::nullopt, 5s};
  EXPECT_EQ("", times.problem());
  EXPECT_FALSE(times.stop_in(-1h));
  EXPECT_EQ(Standing::expiring, standing(24h, times));
}

TEST(ClusterTimes, AreRefusedWhereTheyLeaveNothing) {
  EXPECT_NE(
      std::string::npos,
      (ClusterTimes{15s, Ms(25s), 5s}).problem().find("lost_after is 25.0s, and must be more"))
      << (ClusterTimes{15s, Ms(25s), 5s}).problem();
  EXPECT_EQ("", (ClusterTimes{15s, Ms(26s), 5s}).problem());
  EXPECT_NE("", (ClusterTimes{10ms, Ms(10min), 5s}).problem());
  EXPECT_NE("", (ClusterTimes{15s, Ms(10min), -1s}).problem());
}

TEST(Standing, IsThatOfTheLease) {
  const ClusterTimes times;
  EXPECT_EQ(Standing::lost, standing(std::nullopt, times)) << "it never had one";
  EXPECT_EQ(Standing::fresh, standing(0s, times));
  EXPECT_EQ(Standing::fresh, standing(14'999ms, times));
  EXPECT_EQ(Standing::expiring, standing(15s, times));
  EXPECT_EQ(Standing::expiring, standing(588'999ms, times));
  EXPECT_EQ(Standing::stopping, standing(589s, times));
  EXPECT_EQ(Standing::stopping, standing(599'999ms, times));
  EXPECT_EQ(Standing::lost, standing(10min, times));
}

}  // namespace
}  // namespace domed

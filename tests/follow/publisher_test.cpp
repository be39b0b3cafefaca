#include "follow/publisher.h"

#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <future>

#include "protocol/limits.h"
#include "support/harness.h"

namespace domed::test {
namespace {

using namespace std::chrono_literals;

// The seqs of "frame", as its header says them.
std::pair<std::uint64_t, std::uint64_t> seqs(const std::string& frame) {
  const auto number = [&](const char* key) {
    return std::stoull(frame.substr(frame.find(key) + std::string(key).size()));
  };
  return {number("\"first\":"), number("\"head\":")};
}

class PublisherTest : public ::testing::Test {
 protected:
  // Before the publisher stops: whoever sends must not be held for ever.
  ~PublisherTest() override { hold(false); }

  Commit commit(std::string lines, std::uint64_t first, std::uint64_t head,
                State state = State::running, const std::string& job_id = "job-1") {
    Commit out;
    out.job_id = job_id;
    out.log_id = "log";
    out.lines = std::make_shared<const std::string>(std::move(lines));
    out.first = first, out.head = head, out.state = state;
    return out;
  }
  // Whoever sends a frame from now on does not come back until it is let go.
  void hold(bool held) {
    std::lock_guard lock(mutex_);
    held_ = held;
    changed_.notify_all();
  }
  // The publisher's thread is sending a frame, of "blocker", and so busy until hold(false).
  void keep_busy() {
    hold(true);
    publisher.add(commit("{}\n", 1, 1, State::running, "blocker"));
    frames(1);
  }
  // The first "count" frames of jobs, as they come.
  std::vector<std::string> frames(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return frames_.size() >= count; });
    return frames_;
  }

  // Waits for the lines 1 to "head" of a job: none twice, none before its turn.  Returns in how
  // many frames they came.
  std::size_t expect_all(std::uint64_t head) {
    std::size_t count = 0;
    for (std::uint64_t last = 0; last < head;) {
      const auto [first, next] = seqs(frames(count + 1)[count]);
      ++count;
      EXPECT_EQ(last + 1, first);
      if (first != last + 1) break;
      last = next;
    }
    return count;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> frames_;
  bool held_ = false;
  std::atomic<bool> beats_{false};  // frames without lines count, too
  FixedEnvironment environment_;
  std::atomic<std::size_t> subscribers_{64};
  std::atomic<bool> saturated_{false};
  Publisher publisher{"E",
                      1,
                      environment_,
                      [this](std::size_t, const Publisher::Frame& frame) {
                        std::unique_lock lock(mutex_);
                        if (!frame->starts_with("job/")) return;
                        if (!beats_ && std::count(frame->begin(), frame->end(), '\n') == 2) return;
                        frames_.push_back(*frame);
                        changed_.notify_all();
                        changed_.wait(lock, [this] { return !held_; });
                      },
                      [this](std::size_t) { return subscribers_.load(); },
                      [this](std::size_t) { return saturated_.load(); }};
};

TEST_F(PublisherTest, AFrameNamesItsJobAndSpansItsLines) {
  publisher.add(commit("{1}\n{2}\n", 4, 5));
  EXPECT_EQ(
      "job/"
      "job-1\n{\"log_id\":\"log\",\"first\":4,\"head\":5,\"state\":\"running\",\"epoch\":\"E\"}\n{"
      "1}\n{2}\n",
      frames(1)[0]);
}

TEST_F(PublisherTest, LinesThatNobodyHearsAreNotSent) {
  subscribers_ = 0;
  publisher.add(commit("{1}\n{2}\n", 4, 5));
  subscribers_ = 1;
  publisher.add(commit("{3}\n", 6, 6));
  EXPECT_NE(std::string::npos, frames(1)[0].find("\"first\":6,\"head\":6,"));
}

// Whether the committing thread sends it or the publisher's own.
TEST_F(PublisherTest, FramesComeInTheOrderOfTheCommits) {
  for (std::uint64_t i = 1; i <= 300; ++i) {
    subscribers_ = i % 3 ? 1 : 64;
    publisher.add(commit(i % 7 ? "{}\n" : std::string(20'000, 'x') + "\n", i, i));
  }
  expect_all(300);
}

TEST_F(PublisherTest, ASmallCommitIsSentAtOnceToAFew) {
  subscribers_ = 1;
  publisher.add(commit("{1}\n", 1, 1));
  std::lock_guard lock(mutex_);
  EXPECT_EQ(1u, frames_.size());
}

TEST_F(PublisherTest, BigCommitsAreCutIntoFrames) {
  std::string lines;
  for (int i = 0; i < 10; ++i) lines += std::string(60'000, 'x') + "\n";
  publisher.add(commit(lines, 1, 10));
  const auto all = frames(3);
  EXPECT_NE(std::string::npos, all[0].find("\"first\":1,\"head\":4,"));
  EXPECT_NE(std::string::npos, all[1].find("\"first\":5,\"head\":8,"));
  EXPECT_NE(std::string::npos, all[2].find("\"first\":9,\"head\":10,"));
  for (const auto& frame : all) EXPECT_LT(frame.size(), limits::kFrameBytes + 200);
}

TEST_F(PublisherTest, WhatComesOfAJobWhileTheThreadIsBusyLeavesAsOneFrame) {
  keep_busy();
  for (std::uint64_t i = 1; i <= 50; ++i)
    publisher.add(
        commit("{" + std::to_string(i) + "}\n", i, i, i == 50 ? State::succeeded : State::running));
  hold(false);
  const auto all = frames(2);
  EXPECT_EQ(std::pair(std::uint64_t{1}, std::uint64_t{50}), seqs(all[1]));
  EXPECT_NE(std::string::npos, all[1].find("\"state\":\"succeeded\""));
  std::string lines;
  for (int i = 1; i <= 50; ++i) lines += "{" + std::to_string(i) + "}\n";
  EXPECT_TRUE(all[1].ends_with("}\n" + lines)) << all[1];
}

TEST_F(PublisherTest, OneFrameHoldsWholeCommitsUpToItsSize) {
  keep_busy();
  for (std::uint64_t i = 1; i <= 10; ++i)
    publisher.add(commit(std::string(60'000, 'x') + "\n", i, i));
  hold(false);
  const auto all = frames(4);
  EXPECT_EQ(std::pair(std::uint64_t{1}, std::uint64_t{4}), seqs(all[1]));
  EXPECT_EQ(std::pair(std::uint64_t{5}, std::uint64_t{8}), seqs(all[2]));
  EXPECT_EQ(std::pair(std::uint64_t{9}, std::uint64_t{10}), seqs(all[3]));
}

// A follower could not tell which lines are missing, or of which log they are.
TEST_F(PublisherTest, NothingIsJoinedOverAHoleOrAnotherLog) {
  keep_busy();
  publisher.add(commit("{1}\n", 1, 1));
  publisher.add(commit("{3}\n", 3, 3));
  Commit other = commit("{4}\n", 4, 4);
  other.log_id = "another";
  publisher.add(other);
  hold(false);
  const auto all = frames(4);
  EXPECT_EQ(std::pair(std::uint64_t{1}, std::uint64_t{1}), seqs(all[1]));
  EXPECT_EQ(std::pair(std::uint64_t{3}, std::uint64_t{3}), seqs(all[2]));
  EXPECT_EQ(std::pair(std::uint64_t{4}, std::uint64_t{4}), seqs(all[3]));
  EXPECT_NE(std::string::npos, all[3].find("\"log_id\":\"another\""));
}

// Each with one frame: a job that says much costs one that says little no more than that.
TEST_F(PublisherTest, JobsTakeTurns) {
  keep_busy();
  for (std::uint64_t i = 1; i <= 40; ++i)
    publisher.add(commit(std::string(60'000, 'x') + "\n", i, i, State::running, "loud"));
  publisher.add(commit("{}\n", 1, 1, State::running, "paced"));
  hold(false);
  EXPECT_TRUE(frames(3)[2].starts_with("job/paced\n"));
}

TEST_F(PublisherTest, LinesOfASaturatedShardGatherAndAreNotKeptForEver) {
  saturated_ = true;
  subscribers_ = 1;
  std::uint64_t count = 0;
  for (; count < 2000; ++count) publisher.add(commit("{}\n", count + 1, count + 1));
  EXPECT_LT(expect_all(count), count / 2);
}

TEST_F(PublisherTest, HeartbeatsNameTheHeadAlsoAfterTheTerminalEvent) {
  beats_ = true;
  publisher.add(commit("{}\n", 7, 7, State::succeeded));
  const auto all = frames(4);
  for (int beat = 1; beat <= 3; ++beat)
    EXPECT_EQ(
        "job/"
        "job-1\n{\"log_id\":\"log\",\"first\":8,\"head\":7,\"state\":\"succeeded\",\"epoch\":\"E\"}"
        "\n",
        all[static_cast<std::size_t>(beat)]);
}

// Sending the first frame takes longer than the daemon may be silent.
TEST(Publisher, TheDaemonsPulseGoesOnInTheMidstOfABacklog) {
  FixedEnvironment environment;
  int frames = 0, pulses = 0;
  std::promise<int> last;
  Publisher publisher(
      "E", 1, environment,
      [&](std::size_t, const Publisher::Frame& frame) {
        if (frame->starts_with("daemon\n")) pulses += frames > 0;
        if (frame->starts_with("job/") && ++frames == 1) usleep(1'100'000);
        if (frame->find("\"first\":13,") != std::string::npos) last.set_value(pulses);
      },
      [](std::size_t) { return std::size_t{1}; });
  Commit commit;
  commit.job_id = "job-1";
  std::string lines;
  for (int i = 0; i < 16; ++i) lines += std::string(60'000, 'x') + "\n";
  commit.lines = std::make_shared<const std::string>(std::move(lines));
  commit.first = 1, commit.head = 16;
  publisher.add(commit);
  EXPECT_GT(last.get_future().get(), 0);
}

TEST(Shard, IsTheSameEverywhere) {
  EXPECT_EQ(0u, shard_of("anything", 1));
  EXPECT_EQ(0xaf63dc4c8601ec8cu % 64, shard_of("a", 64));  // FNV-1a of "a"
}

}  // namespace
}  // namespace domed::test

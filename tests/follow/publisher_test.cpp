#include "follow/publisher.h"

#include <unistd.h>

#include <condition_variable>
#include <future>

#include "protocol/limits.h"
#include "support/harness.h"

namespace domed::test {
namespace {

using namespace std::chrono_literals;

class PublisherTest : public ::testing::Test {
 protected:
  Commit commit(std::string lines, std::uint64_t first, std::uint64_t head,
                State state = State::running) {
    Commit out;
    out.job_id = "job-1";
    out.log_id = "log";
    out.lines = std::make_shared<const std::string>(std::move(lines));
    out.first = first, out.head = head, out.state = state;
    return out;
  }
  // The first "count" frames of jobs, as they come.
  std::vector<std::string> frames(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return frames_.size() >= count; });
    return frames_;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> frames_;
  FixedEnvironment environment_;
  std::atomic<std::size_t> subscribers_{64};
  Publisher publisher{"E", 1, environment_,
                      [this](std::size_t, const std::string& message) {
                        std::lock_guard lock(mutex_);
                        if (message.starts_with("job/")) frames_.push_back(message);
                        changed_.notify_all();
                      },
                      [this](std::size_t) { return subscribers_.load(); }};
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
  const auto all = frames(300);
  for (std::size_t i = 0; i < 300; ++i)
    EXPECT_NE(std::string::npos, all[i].find("\"first\":" + std::to_string(i + 1) + ","));
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

TEST_F(PublisherTest, HeartbeatsNameTheHeadAlsoAfterTheTerminalEvent) {
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
      [&](std::size_t, const std::string& message) {
        if (message.starts_with("daemon\n")) pulses += frames > 0;
        if (message.starts_with("job/") && ++frames == 1) usleep(1'100'000);
        if (message.find("\"first\":13,") != std::string::npos) last.set_value(pulses);
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

#include "client/follower.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "client/fake_daemon.h"
#include "client/raw_server.h"

namespace domed {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

struct Follow {
  explicit Follow(FakeDaemon& daemon) : client(daemon.control()) {
    options.job_id = "job-1";
    options.deadline = Clock::now() + 60s;
  }
  FollowEnd run() {
    Follower follower(client, options);
    const FollowEnd end = follower.run([&](std::string_view line, std::uint64_t) {
      lines.emplace_back(line);
      if (on_line) on_line();
    });
    digest = follower.digest();
    cursor = follower.cursor();
    return end;
  }
  Client client;
  FollowOptions options;
  std::vector<std::string> lines;
  std::function<void()> on_line;
  std::optional<Digest> digest;
  std::uint64_t cursor = 0;
};

std::string log_payload(int n) {
  return R"({"stream":"stdout","text":")" + std::to_string(n) + "\"}";
}

// Appends "count" events and the terminal one, from a thread of its own.
std::jthread produce(FakeDaemon& daemon, int count) {
  return std::jthread([&daemon, count] {
    for (int i = 0; i < count; ++i) {
      daemon.append("log", log_payload(i));
      if (i % 20 == 0) std::this_thread::yield();
    }
    daemon.finish();
  });
}

// The same, but only after the page that follows the subscription, so that no page
// of the start brings the events; then turns the follower's clock, as nothing else
// will tell it of them.
std::jthread produce_once_subscribed(FakeDaemon& daemon, Follow& follow, int count) {
  auto turned = std::make_shared<std::atomic<bool>>(false);
  follow.options.clock = [turned] { return Clock::now() + (*turned ? 4s : 0s); };
  return std::jthread([&daemon, turned, count] {
    while (daemon.calls("StreamJobEvents") < 2) std::this_thread::yield();
    for (int i = 0; i < count; ++i) daemon.append("log", log_payload(i));
    daemon.finish();
    *turned = true;
  });
}

TEST(Follower, DeliversWhatThereIsAndWhatComes) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  for (int i = 0; i < 2500; ++i) daemon.append("log", log_payload(i));
  Follow follow(daemon);
  auto producer = produce(daemon, 2000);
  EXPECT_EQ(FollowEnd::terminal, follow.run());
  producer.join();
  EXPECT_EQ(daemon.lines(), follow.lines);
  DigestChain chain(daemon.log_id);
  for (const auto& line : follow.lines) chain.add(line);
  EXPECT_EQ(chain.digest(), follow.digest);
}

TEST(Follower, EndsASnapshotAtTheHead) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  daemon.page_events = 3;
  for (int i = 0; i < 10; ++i) daemon.append("log", log_payload(i));
  Follow follow(daemon);
  follow.options.follow = false;
  EXPECT_EQ(FollowEnd::snapshot, follow.run());
  EXPECT_EQ(daemon.lines(), follow.lines);
}

TEST(Follower, AsksForTheNextPageWhileItTakesOne) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  daemon.page_events = 3;
  for (int i = 0; i < 11; ++i) daemon.append("log", log_payload(i));
  Follow follow(daemon);
  follow.options.follow = false;
  follow.on_line = [&] {  // the first page does not know its log yet
    if (follow.lines.size() != 4) return;
    while (daemon.calls("StreamJobEvents") < 3) std::this_thread::yield();
  };
  EXPECT_EQ(FollowEnd::snapshot, follow.run());
  EXPECT_EQ(daemon.lines(), follow.lines);
  EXPECT_EQ(4, daemon.calls("StreamJobEvents"));
}

TEST(Follower, GoesByLongPollsWhereManyShareAClient) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  Follow follow(daemon);
  follow.client.followers() += 16;
  std::atomic<bool> framed = false;
  follow.options.frame_filter = [&](std::string frame) {
    framed = true;
    return std::vector<std::string>{std::move(frame)};
  };
  std::jthread later([&] {
    while (daemon.calls("StreamJobEvents") < 2) std::this_thread::yield();  // the held one
    daemon.finish();
  });
  EXPECT_EQ(FollowEnd::terminal, follow.run());
  EXPECT_EQ(daemon.lines(), follow.lines);
  EXPECT_FALSE(framed);
}

TEST(Follower, TakesEventsFromFrames) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  Follow follow(daemon);
  std::atomic<bool> frames_flow = false;
  follow.options.frame_filter = [&](std::string frame) {
    frames_flow = true;
    return std::vector<std::string>{std::move(frame)};
  };
  std::jthread later([&] {
    while (!frames_flow || daemon.calls("StreamJobEvents") < 2) std::this_thread::yield();
    daemon.answer("StreamJobEvents", [](const Json&) { return std::nullopt; });
    daemon.append("log", log_payload(1));
    daemon.finish();
  });
  EXPECT_EQ(FollowEnd::terminal, follow.run());
  later.join();
  EXPECT_EQ(daemon.lines(), follow.lines);
}

TEST(Follower, EndsAlthoughEveryFrameOfTheJobIsLost) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  daemon.mute = true;
  Follow follow(daemon);
  auto producer = produce_once_subscribed(daemon, follow, 100);
  EXPECT_EQ(FollowEnd::terminal, follow.run());
  producer.join();
  EXPECT_EQ(daemon.lines(), follow.lines);
}

TEST(Follower, FallsBackToLongPollsWhereTheEventsSocketIsAbsent) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  daemon.other_events_url = "ipc://" + scratch.path() + "/absent.ipc";
  Follow follow(daemon);
  auto producer = produce_once_subscribed(daemon, follow, 100);
  EXPECT_EQ(FollowEnd::terminal, follow.run());
  producer.join();
  EXPECT_EQ(daemon.lines(), follow.lines);
}

// Which is not the one that the daemon has bound.
TEST(Follower, SubscribesAtTheHostWhereItFoundTheDaemon) {
  std::stop_source stop;
  RawServer frames("tcp://127.0.0.1:0", [&](RawPeer&) { stop.request_stop(); });
  const std::string port = frames.url().substr(frames.url().rfind(':'));
  RawServer control("tcp://127.0.0.1:0", [&](RawPeer& peer) {
    peer.greet();
    while (const auto request = peer.next())
      peer.answer(*request, R"({"jsonrpc":"2.0","id":1,"result":{"log_id":"l","first_seq":1,)"
                            R"("head_seq":0,"state":"running","events":[],"more":false,"final":)"
                            R"(false,"events_urls":["tcp://[::])" +
                                port + "\"]}}");
  });
  Client client(control.url());
  FollowOptions options;
  options.job_id = "job-1";
  options.deadline = Clock::now() + 60s;
  options.stop = stop.get_token();
  EXPECT_EQ(FollowEnd::stopped,
            Follower(client, options).run([](std::string_view, std::uint64_t) {}));
}

TEST(Follower, FallsBackToLongPollsWhereTheEventsUrlIsNone) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  daemon.other_events_url = "nonsense";
  Follow follow(daemon);
  auto producer = produce(daemon, 50);
  EXPECT_EQ(FollowEnd::terminal, follow.run());
  producer.join();
  EXPECT_EQ(daemon.lines(), follow.lines);
}

TEST(Follower, FollowsByLongPollsAlone) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  Follow follow(daemon);
  follow.options.use_frames = false;
  auto producer = produce(daemon, 300);
  EXPECT_EQ(FollowEnd::terminal, follow.run());
  producer.join();
  EXPECT_EQ(daemon.lines(), follow.lines);
}

TEST(Follower, SurvivesRestartsOfTheDaemon) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  Follow follow(daemon);
  std::atomic<int> taken = 0;
  follow.on_line = [&] { ++taken; };
  std::jthread producer([&] {
    for (int round = 0; round < 4; ++round) {
      for (int i = 0; i < 50; ++i) daemon.append("log", log_payload(i));
      while (taken < round * 55 + 1) std::this_thread::yield();
      daemon.stop();
      for (int i = 0; i < 5; ++i) daemon.append("log", log_payload(i));
      daemon.start();
    }
    daemon.finish();
  });
  EXPECT_EQ(FollowEnd::terminal, follow.run());
  producer.join();
  EXPECT_EQ(daemon.lines(), follow.lines);
}

TEST(Follower, DeliversEachEventOnceThroughLostRepeatedAndReorderedFrames) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  Follow follow(daemon);
  std::string held;
  follow.options.frame_filter = [&](std::string frame) -> std::vector<std::string> {
    switch (random() % 4) {
      case 0:
        return {};
      case 1:
        return {frame, frame};
      case 2:
        std::swap(held, frame);
        return {frame};
      default:
        return {frame};
    }
  };
  auto producer = produce(daemon, 500);
  EXPECT_EQ(FollowEnd::terminal, follow.run());
  producer.join();
  EXPECT_EQ(daemon.lines(), follow.lines);
}

TEST(Follower, ResumesAtItsCursor) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  for (int i = 0; i < 20; ++i) daemon.append("log", log_payload(i));
  daemon.finish();
  std::vector<std::string> all;
  std::uint64_t cursor = 0;
  for (bool ended = false; !ended;) {
    Follow follow(daemon);
    std::stop_source stop;
    follow.options.since_seq = cursor;
    follow.options.log_id = daemon.log_id;
    follow.options.stop = stop.get_token();
    daemon.page_events = 3;
    follow.on_line = [&] { stop.request_stop(); };
    ended = follow.run() == FollowEnd::terminal;
    cursor = follow.cursor;
    all.insert(all.end(), follow.lines.begin(), follow.lines.end());
  }
  EXPECT_EQ(daemon.lines(), all);
}

TEST(Follower, ThrowsWhatRepeatingCannotMend) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  Follow unknown(daemon), ahead(daemon), other(daemon);
  unknown.options.job_id = "job-2";
  ahead.options.since_seq = 1'000'000'000;
  other.options.log_id = std::string(32, 'f');
  EXPECT_THROW(unknown.run(), ApiError);
  EXPECT_THROW(ahead.run(), ApiError);
  EXPECT_THROW(other.run(), ApiError);
}

TEST(Follower, EndsAtItsDeadlineWhileTheJobIsSilent) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  Follow follow(daemon);
  follow.options.deadline = Clock::now() + 200ms;
  EXPECT_EQ(FollowEnd::deadline, follow.run());
}

TEST(Follower, StopsWhenToldWhileItWaits) {
  for (const bool use_frames : {true, false}) {
    Scratch scratch;
    FakeDaemon daemon(scratch.path());
    Follow follow(daemon);
    std::stop_source stop;
    follow.options.stop = stop.get_token();
    follow.options.use_frames = use_frames;
    std::jthread later([&] {
      while (daemon.calls("StreamJobEvents") < 2) std::this_thread::yield();
      stop.request_stop();
    });
    EXPECT_EQ(FollowEnd::stopped, follow.run());
    later.join();
  }
}

}  // namespace
}  // namespace domed

#include "base/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

#include "base/shares.h"

namespace domed::test {
namespace {

using namespace std::chrono_literals;

TEST(Workers, WhatHasNotBegunIsDroppedAloud) {
  Workers workers(1);
  std::promise<void> begun, go;
  std::atomic<int> ran{0}, dropped{0};
  workers.run([&] {
    begun.set_value();
    go.get_future().get();
    ++ran;
  });
  begun.get_future().get();
  for (int i = 0; i < 3; ++i) workers.run([&] { ++ran; }, [&] { ++dropped; });
  workers.close();
  EXPECT_EQ(3, dropped);
  workers.run([&] { ++ran; }, [&] { ++dropped; });
  EXPECT_EQ(4, dropped) << "after the end";
  go.set_value();
  workers.stop();
  EXPECT_EQ(1, ran);
}

TEST(Workers, WithTimeWhatIsQueuedIsStillRun) {
  Workers workers(1);
  std::atomic<int> ran{0};
  for (int i = 0; i < 100; ++i) workers.run([&] { ++ran; });
  workers.stop(1h);
  EXPECT_EQ(100, ran);
}

TEST(Workers, ConnectionsTakeTurns) {
  Workers workers(1);
  std::promise<void> go;
  workers.run([&] { go.get_future().get(); });
  std::string order;
  const auto run = [&](std::uint32_t from, char name) {
    workers.run([&order, name] { order += name; }, {}, from);
  };
  for (const char name : {'a', 'b', 'c', 'd'}) run(1, name);
  for (const char name : {'X', 'Y'}) run(2, name);
  run(3, '!');
  go.set_value();
  workers.stop(1h);
  EXPECT_EQ("aX!bYcd", order);
}

// Whoever comes by many has no more turns for that.
TEST(FairQueue, PartiesTakeTurnsAndTheirConnectionsAmongThemselves) {
  FairQueue<char> queue;
  for (const auto& [connection, name] :
       {std::pair(1u, 'a'), {1u, 'b'}, {2u, 'A'}, {2u, 'B'}, {3u, '1'}})
    queue.push({connection, 7}, name);
  for (const char name : {'x', 'y', 'z'}) queue.push({4, 8}, name);
  std::string order;
  while (!queue.empty()) order += queue.pop();
  EXPECT_EQ("axAy1zbB", order);
}

TEST(FairQueue, KnowsWhoHasSomethingThereAndWhatIsFirst) {
  FairQueue<int> queue;
  const auto has_first = [&](int item) {
    return queue.any_first([&](int other) { return other == item; });
  };
  for (const int item : {1, 2, 3}) queue.push(7, item);
  queue.push(8, 4);
  EXPECT_TRUE(has_first(1) && has_first(4));
  EXPECT_FALSE(has_first(2));
  EXPECT_EQ(1, queue.pop());
  EXPECT_EQ(4, queue.pop());
  EXPECT_TRUE(has_first(2));
  EXPECT_EQ(2, queue.pop());
  EXPECT_EQ(3, queue.pop());
  EXPECT_FALSE(queue.has(7));
  queue.push({7, 1}, 5);
  EXPECT_TRUE(queue.has({7, 1}));
  EXPECT_FALSE(queue.has({8, 1})) << "another connection";
  EXPECT_TRUE(queue.has_party({8, 1}));
  EXPECT_FALSE(queue.has_party({7, 2}));
}

TEST(FairQueue, WhatIsWithdrawnLeavesNoTurnBehind) {
  FairQueue<char> queue;
  queue.push({1, 7}, 'a');
  queue.push({2, 7}, 'b');
  queue.push({3, 8}, 'x');
  EXPECT_EQ('a', queue.withdraw({1, 7}));
  EXPECT_FALSE(queue.has({1, 7}));
  EXPECT_TRUE(queue.has_party({1, 7}));
  EXPECT_EQ('x', queue.withdraw({3, 8}));
  EXPECT_FALSE(queue.has_party({3, 8}));
  queue.push({3, 8}, 'y');
  queue.push({1, 7}, 'c');
  std::string order;
  while (!queue.empty()) order += queue.pop();
  EXPECT_EQ("byc", order);
}

TEST(Shares, NobodyHasMoreThanTheirsOnceHalfAreTaken) {
  Shares shares({10, 2, 3});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(shares.enter("a"));
  EXPECT_FALSE(shares.enter("a"));
  for (const auto* who : {"b", "b", "c", "c", "d"}) EXPECT_TRUE(shares.enter(who)) << who;
  EXPECT_FALSE(shares.enter("d")) << "all are taken";
  EXPECT_TRUE(shares.enter("e")) << "of the reserve, for who has none";
  EXPECT_TRUE(shares.enter("a", 2, true)) << "or comes first";
  EXPECT_FALSE(shares.enter("f", 1, true));
  for (int i = 0; i < 7; ++i) shares.leave("a");
  EXPECT_FALSE(shares.enter("b")) << "they have theirs";
  EXPECT_TRUE(shares.enter("a"));
}

}  // namespace
}  // namespace domed::test

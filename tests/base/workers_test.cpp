#include "base/workers.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>

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

}  // namespace
}  // namespace domed::test

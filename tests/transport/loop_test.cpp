#include <utility>  // which Boost 1.74 forgets

#include "transport/native/loop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <chrono>
#include <functional>
#include <future>
#include <mutex>
#include <set>
#include <thread>

namespace domed::native {
namespace {

using namespace std::chrono_literals;

void post(Loop& loop, std::function<void()> what) {
  boost::asio::post(loop.context(), std::move(what));
}

TEST(Loop, ServesOthersWhileAStintLasts) {
  Loop loop(true);
  std::promise<void> other;
  std::promise<bool> ended;
  post(loop, [&] {
    const Loop::Stint stint(loop, &loop);
    ended.set_value(other.get_future().wait_for(60s) == std::future_status::ready);
  });
  post(loop, [&] { other.set_value(); });
  EXPECT_TRUE(ended.get_future().get());
}

// Nobody is told when the second thread goes to rest: the pause is longer than it takes for that.
TEST(Loop, ServesOthersAgainAfterAPause) {
  Loop loop(true);
  for (const auto pause : {0ms, 300ms, 300ms}) {
    std::this_thread::sleep_for(pause);
    std::promise<void> other;
    std::promise<bool> ended;
    post(loop, [&] {
      const Loop::Stint stint(loop, &loop);
      post(loop, [&] { other.set_value(); });
      ended.set_value(other.get_future().wait_for(60s) == std::future_status::ready);
    });
    EXPECT_TRUE(ended.get_future().get()) << pause.count();
  }
}

// None of their stints is long; there is always another one that waits.
TEST(Loop, TakesOfWhatSeveralLeaveWaiting) {
  Loop loop(true);
  std::mutex mutex;
  std::set<std::thread::id> threads;
  std::promise<void> both;
  bool told = false;
  const char whom[3] = {};
  std::function<void(const char*)> speak = [&](const char* who) {
    const Loop::Stint stint(loop, who);
    {
      const std::lock_guard lock(mutex);
      threads.insert(std::this_thread::get_id());
      if (threads.size() == 2 && !std::exchange(told, true)) both.set_value();
      if (told) return;  // also when nobody waits any more
    }
    post(loop, [&speak, who] { speak(who); });
  };
  for (const char& who : whom) post(loop, [&speak, &who] { speak(&who); });
  const bool seen = both.get_future().wait_for(60s) == std::future_status::ready;
  {
    const std::lock_guard lock(mutex);
    told = true;
  }
  loop.join();
  EXPECT_TRUE(seen);
}

TEST(Loop, IsLeftByAllThatWasThere) {
  std::atomic<int> ran = 0;
  Loop loop(true);
  for (int i = 0; i < 100; ++i)
    post(loop, [&, i] {
      const Loop::Stint stint(loop, i % 2 == 0 ? static_cast<const void*>(&ran) : &loop);
      ++ran;
    });
  loop.join();
  EXPECT_EQ(ran, 100);
}

}  // namespace
}  // namespace domed::native

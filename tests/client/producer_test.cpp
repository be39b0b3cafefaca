#include "client/producer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "client/event_line.h"
#include "client/fake_daemon.h"

namespace domed {
namespace {

using namespace std::chrono_literals;

ProducerOptions options_for(FakeDaemon& daemon) {
  ProducerOptions options;
  options.endpoint = daemon.control();
  options.job_id = "job-1";
  options.producer_id = "p";
  options.producer_token = "t";
  options.reply_timeout = 500ms;
  return options;
}

std::string batch_of(int n) {
  return R"([{"type":"log","payload":{"stream":"stdout","text":")" + std::to_string(n) + "\"}}]";
}

// The numbers that the log's output lines carry, in order.
std::vector<int> logged(FakeDaemon& daemon) {
  std::vector<int> out;
  for (const auto& line : daemon.lines())
    if (const auto event = read_event_line(line); event->type == "log")
      out.push_back(std::stoi(read_output(event->payload)->bytes));
  return out;
}

std::vector<int> numbers(int count) {
  std::vector<int> out;
  for (int i = 0; i < count; ++i) out.push_back(i);
  return out;
}

TEST(Producer, AppendsInOrderThroughItsWindow) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  auto options = options_for(daemon);
  std::vector<std::uint64_t> acked;
  options.on_ack = [&](const Ack& ack) { acked.push_back(ack.batch); };
  Producer producer(options);
  for (int i = 0; i < 300; ++i)
    EXPECT_EQ(static_cast<std::uint64_t>(i + 1), producer.append(batch_of(i)));
  ASSERT_TRUE(producer.flush(60s));
  EXPECT_EQ(numbers(300), logged(daemon));
  ASSERT_EQ(300u, acked.size());
  for (std::size_t i = 0; i < 300; ++i) EXPECT_EQ(i + 1, acked[i]);
  EXPECT_EQ(301u, producer.last_ack()->head_seq);
}

TEST(Producer, AppendsEachBatchOnceAlthoughRepliesAreLost) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  daemon.lose_every = 3;
  auto options = options_for(daemon);
  options.reply_timeout = 100ms;
  Producer producer(options);
  for (int i = 0; i < 40; ++i) producer.append(batch_of(i));
  ASSERT_TRUE(producer.flush(60s));
  EXPECT_EQ(numbers(40), logged(daemon));
}

TEST(Producer, SendsTheSameBytesAgainAfterARestart) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  Producer producer(options_for(daemon));
  std::jthread restarts([&] {
    for (int i = 0; i < 4; ++i) {
      daemon.stop();
      daemon.start();
      std::this_thread::sleep_for(30ms);
    }
  });
  for (int i = 0; i < 400; ++i) producer.append(batch_of(i));
  restarts.join();
  ASSERT_TRUE(producer.flush(60s));
  EXPECT_EQ(numbers(400), logged(daemon));
}

TEST(Producer, BeginsBeforeThereIsADaemon) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  daemon.stop();
  Producer producer(options_for(daemon));
  producer.append(batch_of(0));
  EXPECT_FALSE(producer.flush(50ms));
  daemon.start();
  EXPECT_TRUE(producer.flush(60s));
  EXPECT_EQ(numbers(1), logged(daemon));
}

TEST(Producer, GoesOnFromASpool) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  const auto options = options_for(daemon);
  std::vector<std::string> spool;
  for (std::uint64_t n = 1; n <= 6; ++n)
    spool.push_back(Producer::freeze(options, n, batch_of(static_cast<int>(n - 1))));
  {
    Producer first(options);
    for (std::uint64_t n = 1; n <= 4; ++n) first.append_frozen(n, spool[n - 1]);
    ASSERT_TRUE(first.flush(60s));
  }
  Producer second(options);
  for (std::uint64_t n = 3; n <= 6; ++n) second.append_frozen(n, spool[n - 1]);
  EXPECT_EQ(7u, second.append(batch_of(6)));
  ASSERT_TRUE(second.flush(60s));
  EXPECT_EQ(numbers(7), logged(daemon));
}

TEST(Producer, RefusesAHoleInTheNumbers) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  const auto options = options_for(daemon);
  Producer producer(options);
  producer.append_frozen(1, Producer::freeze(options, 1, batch_of(0)));
  EXPECT_THROW(producer.append_frozen(3, Producer::freeze(options, 3, batch_of(1))), Error);
}

TEST(Producer, ReportsARefusalAfterTheAcksBeforeIt) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  auto options = options_for(daemon);
  std::promise<std::string> refused;
  std::vector<std::uint64_t> acked;
  options.on_ack = [&](const Ack& ack) { acked.push_back(ack.batch); };
  options.on_error = [&](const ApiError& e) { refused.set_value(e.name()); };
  Producer producer(options);
  producer.append(batch_of(0));
  producer.append(R"([{"type":"state_change","payload":{"to":"succeeded"}}])");
  producer.append(batch_of(2));
  EXPECT_EQ("E_SEALED", refused.get_future().get());
  EXPECT_EQ((std::vector<std::uint64_t>{1, 2}), acked);
  EXPECT_THROW(producer.append(batch_of(3)), ApiError);
  EXPECT_THROW(producer.flush(1s), ApiError);
  EXPECT_EQ("E_SEALED", producer.error()->name());
}

TEST(Producer, EndsWhereTheDaemonLostAcknowledgedBatches) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  const auto options = options_for(daemon);
  Producer producer(options);
  producer.append_frozen(5, Producer::freeze(options, 5, batch_of(0)));
  try {
    producer.flush(60s);
    FAIL() << "no refusal";
  } catch (const ApiError& e) {
    EXPECT_EQ("E_BATCH_GAP", e.name());
    EXPECT_NE(std::string::npos, std::string(e.what()).find("asks for batch 1"));
  }
}

TEST(Producer, TakesAGapThatWasFilledMeanwhileForNoLoss) {
  Scratch scratch;
  std::atomic<bool> acknowledged = false, told = false, sent = false;
  FakeDaemon daemon(scratch.path());
  daemon.answer("AppendJobEvents", [&](const Json& params) -> std::optional<Json> {
    const std::uint64_t batch = params["batch"];
    // One that was acknowledged before the second was sent would have to be there.
    while (batch == 1 && !sent) std::this_thread::yield();
    if (batch == 2) sent = true;
    if (batch == 2 && !told.exchange(true)) {
      while (!acknowledged) std::this_thread::yield();
      throw ApiError("E_BATCH_GAP", "a gap", {{"expected", std::uint64_t{1}}});
    }
    return Json{{"first_seq", batch}, {"head_seq", batch}, {"state", "running"}};
  });
  auto options = options_for(daemon);
  options.on_ack = [&](const Ack&) { acknowledged = true; };
  Producer producer(options);
  for (int i = 0; i < 3; ++i) producer.append(batch_of(i));
  EXPECT_TRUE(producer.flush(60s));
}

TEST(Producer, BlocksItsOwnerWhileTheQueueIsFull) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  daemon.stop();
  auto options = options_for(daemon);
  options.queue = 2;
  Producer producer(options);
  producer.append(batch_of(0));
  producer.append(batch_of(1));
  EXPECT_FALSE(producer.try_append_frozen(3, Producer::freeze(options, 3, batch_of(2))));
  auto third = std::async(std::launch::async, [&] { return producer.append(batch_of(2)); });
  EXPECT_EQ(std::future_status::timeout, third.wait_for(50ms));
  daemon.start();
  EXPECT_EQ(3u, third.get());
  EXPECT_TRUE(producer.flush(60s));
}

TEST(Producer, HearsOfACancelRequest) {
  Scratch scratch;
  FakeDaemon daemon(scratch.path());
  daemon.answer("AppendJobEvents", [](const Json&) {
    return Json{
        {"first_seq", 2}, {"head_seq", 2}, {"state", "running"}, {"cancel_requested", true}};
  });
  Producer producer(options_for(daemon));
  EXPECT_FALSE(producer.cancel_requested());
  producer.append(batch_of(0));
  EXPECT_TRUE(producer.flush(60s));
  EXPECT_TRUE(producer.cancel_requested());
}

TEST(Producer, WaitsWhileTheDaemonIsBusy) {
  Scratch scratch;
  std::atomic<int> calls = 0;
  FakeDaemon daemon(scratch.path());
  daemon.answer("AppendJobEvents", [&](const Json&) -> std::optional<Json> {
    if (++calls < 4) throw ApiError("E_BUSY", "busy", {{"retry_ms", 1}});
    return Json{{"first_seq", 2}, {"head_seq", 2}, {"state", "running"}};
  });
  Producer producer(options_for(daemon));
  producer.append(batch_of(0));
  EXPECT_TRUE(producer.flush(60s));
  EXPECT_GE(calls, 4);
}

// Batches behind one that must wait would only fill what the daemon has too little of.
TEST(Producer, SendsNothingBehindABatchThatIsTriedAgain) {
  Scratch scratch;
  std::mutex mutex;
  std::map<std::uint64_t, int> before;  // how often a batch came before the first was taken
  bool taken = false;
  FakeDaemon daemon(scratch.path());
  daemon.answer("AppendJobEvents", [&](const Json& params) -> std::optional<Json> {
    const std::lock_guard lock(mutex);
    const auto batch = params.at("batch").get<std::uint64_t>();
    if (!taken) ++before[batch];
    taken = taken || before[1] == 4;
    if (!taken) throw ApiError("E_BUSY", "busy", {{"retry_ms", 1}});
    return Json{{"first_seq", 1}, {"head_seq", batch}, {"state", "running"}};
  });
  Producer producer(options_for(daemon));
  for (int i = 0; i < 20; ++i) producer.append(batch_of(i));
  ASSERT_TRUE(producer.flush(60s));
  const std::lock_guard lock(mutex);
  for (const auto& [batch, times] : before) EXPECT_EQ(batch == 1 ? 4 : 1, times) << batch;
}

TEST(Producer, GivesUpWhereTold) {
  Scratch scratch;
  auto options = ProducerOptions();
  options.endpoint = "ipc://" + scratch.path() + "/none.ipc";
  options.give_up = 50ms;
  Producer producer(options);
  producer.append(batch_of(0));
  EXPECT_THROW(producer.flush(60s), ApiError);
}

}  // namespace
}  // namespace domed

#include "follow/streams.h"

#include <future>
#include <random>

#include "support/faulty_store.h"
#include "support/harness.h"

namespace domed::test {
namespace {

class StreamsTest : public ::testing::Test {
 protected:
  StreamsTest() {
    auto faulty = std::make_unique<FaultyStore>(open_store("store-memory", scratch.path()));
    store = faulty.get();
    kernel = std::make_unique<Kernel>("store-memory", scratch.path(), std::move(faulty));
    job = kernel->running_job("a");
  }

  Json params(std::uint64_t since, Json more = Json::object()) const {
    more.update({{"job_id", job["job_id"]}, {"since_seq", since}});
    return more;
  }
  Json page(std::uint64_t since, const Json& more = Json::object()) {
    return kernel->call("StreamJobEvents", params(since, more));
  }
  void append(const Json& events) {
    const Json reply = kernel->append(job, ++batch_, events);
    EXPECT_TRUE(reply.contains("result")) << reply;
    head = reply["result"].value("head_seq", head);
  }
  // Whether "action" had to ask the store for events.
  template <class Action>
  bool reads(Action&& action) {
    const int before = store->reads;
    action();
    return store->reads != before;
  }

  Scratch scratch;
  FaultyStore* store = nullptr;
  std::unique_ptr<Kernel> kernel;
  Json job;
  std::uint64_t head = 3;

 private:
  int batch_ = 0;
};

TEST_F(StreamsTest, FollowersOfALiveJobNeedNoStore) {
  EXPECT_FALSE(reads([&] {
    for (int i = 0; i < 20; ++i) {
      auto next = std::async([&, since = head] { return page(since, {{"wait_ms", 10000}}); });
      append(Json(3, log_event("x")));
      EXPECT_EQ(head - 2, next.get()["events"][0]["seq"]);
    }
    EXPECT_EQ(63u, page(0)["events"].size());
  }));
}

// The same requests, of memory and of the store alone.
TEST_F(StreamsTest, MemoryAnswersAsTheStoreDoes) {
  const auto seed = std::random_device()();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto below = [&](std::uint64_t n) { return random() % n; };
  Streams plain(*kernel->store, kernel->workers, PollLimits{8, 8, 8},
                [](const std::string&) { return std::vector<std::string>{"ipc:///events"}; });
  int from_memory = 0;
  for (int i = 0; i < 400; ++i) {
    if (below(3) == 0) {
      Json events = Json::array();
      for (auto n = 1 + below(20); n > 0; --n)
        events.push_back(log_event(std::string(below(900), 'x')));
      append(events);
    } else if (below(20) == 0) {
      kernel->call("TrimJob", {{"job_id", job["job_id"]}, {"keep_from_seq", 1 + below(head)}});
    }
    Json asked{{"max_events", 1 + below(60)}, {"max_bytes", below(40'000)}};
    if (below(4) == 0) asked["log_id"] = below(2) ? job["log_id"] : Json("other");
    const Json request =
        params(below(2) ? head - below(std::min<std::uint64_t>(head, 30)) : below(head + 2), asked);
    auto expected = std::make_shared<std::promise<std::string>>();
    Call call;
    call.id = "1", call.params = request.dump();
    call.reply = [expected](std::string reply) { expected->set_value(std::move(reply)); };
    plain.page(call);
    const Json right = Json::parse(expected->get_future().get());
    from_memory += !reads(
        [&] { EXPECT_TRUE(right == kernel->request("StreamJobEvents", request)) << request; });
  }
  EXPECT_GT(from_memory, 20);
  plain.stop();
}

// GetJobStatus may tell of a commit before its observer has heard of it.
TEST_F(StreamsTest, TheStoreIsAskedWhileItMayKnowMore) {
  append({log_event("x")});
  std::promise<void> open;
  store->gate = open.get_future();
  const int commits = store->commits;
  auto appended = std::async([&] { append({log_event("y")}); });
  while (store->commits == commits) std::this_thread::yield();  // now it is under way
  EXPECT_TRUE(reads([&] { EXPECT_EQ(1u, page(3)["events"].size()); }));
  open.set_value();
  appended.get();
  EXPECT_FALSE(reads([&] { EXPECT_EQ(2u, page(3)["events"].size()); }));
}

TEST_F(StreamsTest, AFailedCommitIsLeftToTheStore) {
  append({log_event("x")});
  store->failures = 1;
  EXPECT_FALSE(kernel->append(job, 2, {log_event("y")}).contains("result"));
  EXPECT_TRUE(reads([&] { EXPECT_EQ(1u, page(3)["events"].size()); }));
}

TEST_F(StreamsTest, ADeletedJobIsGoneFromMemory) {
  append({change_to("succeeded")});
  EXPECT_FALSE(reads([&] { EXPECT_EQ(true, page(head)["final"]); }));
  kernel->call("DeleteJob", {{"job_id", job["job_id"]}});
  EXPECT_EQ("E_GONE", kernel->error("StreamJobEvents", params(0)));
}

Commit commit_of(const std::string& job_id, std::uint64_t first, std::uint64_t count,
                 std::size_t bytes = 100) {
  Commit commit;
  commit.job_id = job_id, commit.log_id = "log";
  commit.first = first, commit.head = first + count - 1, commit.first_seq = 1;
  std::string lines;
  for (; count > 0; --count) lines += std::string(bytes - 1, 'x') + '\n';
  commit.lines = std::make_shared<const std::string>(lines);
  return commit;
}

PageRequest ask(const std::string& job_id, std::uint64_t since) {
  return {job_id, "", since, 1000, 1 << 20};
}

TEST(Tails, KeepTheNewestLinesOfAJob) {
  Tails tails(1 << 20, 4000);
  for (std::uint64_t i = 0; i < 10; ++i) tails.committed(commit_of("a", 1 + i * 10, 10));
  EXPECT_FALSE(tails.read(ask("a", 0)));
  EXPECT_EQ(10u, tails.read(ask("a", 90))->page.ends.size());
  EXPECT_EQ(0u, tails.read(ask("a", 100))->page.ends.size());
  EXPECT_FALSE(tails.read(ask("a", 101)));        // the store may know it
  tails.committed(commit_of("a", 101, 1, 5000));  // alone more than may be kept
  EXPECT_FALSE(tails.read(ask("a", 100)));
  EXPECT_EQ(0u, tails.read(ask("a", 101))->page.ends.size());
}

TEST(Tails, KeepTheJobsThatChangedLast) {
  Tails tails(10'000, 4000);
  for (const char* job : {"a", "b", "c", "d", "e", "f"}) {
    tails.committed(commit_of("a", 1 + 10 * static_cast<std::uint64_t>(job[0] - 'a'), 1));
    tails.committed(commit_of(job, job[0] == 'a' ? 2 : 1, 20));
  }
  EXPECT_FALSE(tails.read(ask("b", 0)));
  EXPECT_TRUE(tails.read(ask("a", 51)));
  EXPECT_TRUE(tails.read(ask("f", 0)));
}

TEST(Tails, BeginAnewAfterAHoleAndInAnotherLog) {
  Tails tails;
  tails.committed(commit_of("a", 1, 5));
  tails.committed(commit_of("a", 8, 2));  // 6 and 7 were never told
  EXPECT_FALSE(tails.read(ask("a", 0)));
  EXPECT_EQ(2u, tails.read(ask("a", 7))->page.ends.size());
  Commit other = commit_of("a", 10, 1);
  other.log_id = "other";
  tails.committed(other);
  EXPECT_FALSE(tails.read(ask("a", 7)));
  EXPECT_EQ("other", tails.read(ask("a", 9))->page.log_id);
}

}  // namespace
}  // namespace domed::test

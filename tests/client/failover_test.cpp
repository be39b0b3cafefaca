// Several URLs: nodes on one store, of which any does what another one does not any more.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "client/event_line.h"
#include "client/fake_daemon.h"
#include "client/follower.h"
#include "client/producer.h"

namespace domed {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Two nodes, "a" first.
class Failover : public testing::Test {
 protected:
  Failover() {
    client.tell_moves([this](const auto& from, const auto& to) { move(from, to); });
  }

  void move(const std::string& from, const std::string& to) {
    moves += from == a.control() ? "a" : "b";
    moves += to == a.control() ? "a " : "b ";
  }
  // Whose answer it is.
  std::string ask(std::chrono::milliseconds reply_timeout = 60s) {
    CallOptions options;
    options.deadline = 60s;
    options.reply_timeout = reply_timeout;
    return client.call("Health", Json::object(), options).value("node", "");
  }
  static void is(FakeDaemon& daemon, const std::string& name) {
    daemon.answer("Health", [name](const Json&) { return Json{{"node", name}}; });
  }
  static void refuses(FakeDaemon& daemon, const ApiError& error) {
    daemon.answer("Health", [error](const Json&) -> std::optional<Json> { throw error; });
  }

  Scratch first_, second_;
  FakeDaemon a{first_.path()}, b{second_.path()};
  std::string moves;
  Client client{a.control() + "," + b.control()};
};

TEST_F(Failover, StaysWithTheFirst) {
  is(a, "a"), is(b, "b");
  for (int i = 0; i < 3; ++i) EXPECT_EQ("a", ask());
  EXPECT_EQ("", moves);
}

TEST_F(Failover, FromOneThatIsGone) {
  is(a, "a"), is(b, "b");
  EXPECT_EQ("a", ask());
  a.stop();
  EXPECT_EQ("b", ask());
  a.start();
  EXPECT_EQ("b", ask()) << "what works is kept";
  EXPECT_EQ("ab ", moves);
}

TEST_F(Failover, FromOneThatIsSilent) {
  is(a, "a"), is(b, "b");
  EXPECT_EQ("a", ask());
  a.answer("Health", [](const Json&) { return std::nullopt; });
  EXPECT_EQ("b", ask(100ms));
  EXPECT_EQ("ab ", moves);
}

TEST_F(Failover, FromOneWhoseStoreIsAway) {
  is(a, "a"), is(b, "b");
  EXPECT_EQ("a", ask());
  refuses(a, ApiError("E_STORE", "away", {{"retryable", true}}));
  EXPECT_EQ("b", ask());
  EXPECT_EQ("ab ", moves);
  EXPECT_EQ(2, a.calls("Health"));
}

TEST_F(Failover, FromOneThatStops) {
  is(b, "b");
  refuses(a, ApiError("E_BUSY", "stopping", {{"retry_ms", 1}, {"stopping", true}}));
  EXPECT_EQ("b", ask());
  EXPECT_EQ("", moves) << "it never did anything";
}

// Where all are away it goes round until one is back.
TEST_F(Failover, BackToTheFirst) {
  is(a, "a");
  refuses(b, ApiError("E_STORE", "away", {{"retryable", true}}));
  EXPECT_EQ("a", ask());
  a.stop();
  std::jthread back([&] {
    while (b.calls("Health") < 2) std::this_thread::yield();
    a.start();
  });
  EXPECT_EQ("a", ask());
  EXPECT_EQ("", moves);
}

// Another one would be as wrong a place to ask, or the same load.
TEST_F(Failover, NotForOtherRefusals) {
  std::atomic<int> calls = 0;
  a.answer("Health", [&](const Json&) -> std::optional<Json> {
    if (++calls < 3) throw ApiError("E_BUSY", "busy", {{"retry_ms", 1}});
    return Json{{"node", "a"}};
  });
  EXPECT_EQ("a", ask());
  refuses(a, ApiError("E_STORE", "damaged", {{"retryable", false}}));
  EXPECT_THROW(ask(), ApiError);
  EXPECT_EQ(0, b.calls("Health"));
}

// One log, which both nodes have, and a job on it.
class FailoverOfAFollow : public Failover {
 protected:
  void both(int from, int to) {
    for (int i = from; i < to; ++i)
      for (FakeDaemon* node : {&a, &b})
        node->append("log", R"({"stream":"stdout","text":")" + std::to_string(i) + "\"}");
  }
  FollowEnd follow() {
    FollowOptions options;
    options.job_id = "job-1";
    options.use_frames = use_frames;
    options.deadline = Clock::now() + 60s;
    return Follower(client, options).run([&](std::string_view line, std::uint64_t) {
      lines.emplace_back(line);
      if (on_line) on_line();
    });
  }
  void is_left_waiting() {
    both(0, 1);
    std::jthread later([&] {
      while (a.calls("StreamJobEvents") < 2) std::this_thread::yield();
      a.stop();
      both(1, 2);
      b.finish();
    });
    EXPECT_EQ(FollowEnd::terminal, follow());
    later.join();
    EXPECT_EQ(b.lines(), lines);
  }

  bool use_frames = true;
  std::vector<std::string> lines;
  std::function<void()> on_line;
};

TEST_F(FailoverOfAFollow, InTheMidstOfAPage) {
  a.page_events = b.page_events = 7;
  both(0, 100);
  on_line = [&] {
    if (lines.size() == 20) a.stop();
  };
  b.finish();
  EXPECT_EQ(FollowEnd::terminal, follow());
  EXPECT_EQ(b.lines(), lines);
}

TEST_F(FailoverOfAFollow, WhileItWaitsForFrames) {
  is_left_waiting();
}

TEST_F(FailoverOfAFollow, WhileItWaitsForAPoll) {
  use_frames = false;
  is_left_waiting();
}

TEST_F(FailoverOfAFollow, FromOneWhoseStoreIsAway) {
  both(0, 1);
  on_line = [&] {
    if (lines.size() != 2) return;
    a.answer("StreamJobEvents", [](const Json&) -> std::optional<Json> {
      throw ApiError("E_STORE", "away", {{"retryable", true}});
    });
    both(1, 2);
    b.finish();
  };
  EXPECT_EQ(FollowEnd::terminal, follow());
  EXPECT_EQ(b.lines(), lines);
}

// What both nodes keep of one job's batches.
struct Batches {
  std::mutex mutex;
  std::map<std::uint64_t, std::string> taken;

  std::size_t count() {
    const std::lock_guard lock(mutex);
    return taken.size();
  }
  Json take(const Json& params) {
    const std::lock_guard lock(mutex);
    const std::uint64_t batch = params["batch"];
    const bool replayed = taken.contains(batch);
    if (batch > taken.size() + 1)
      throw ApiError("E_BATCH_GAP", "a gap", {{"expected", taken.size() + 1}});
    const std::string bytes = params["events"].dump();
    EXPECT_EQ(taken.emplace(batch, bytes).first->second, bytes);
    return {
        {"first_seq", batch}, {"head_seq", batch}, {"state", "running"}, {"replayed", replayed}};
  }
};

class FailoverOfAProducer : public Failover {
 protected:
  FailoverOfAProducer() {
    options.endpoint = a.control() + "," + b.control();
    options.job_id = "job-1", options.producer_id = "p", options.producer_token = "t";
    options.reply_timeout = 200ms;
    b.answer("AppendJobEvents", [this](const Json& params) { return batches.take(params); });
  }
  void appends_all() {
    Producer producer(options);
    for (int i = 0; i < 20; ++i)
      producer.append(R"([{"type":"x","payload":{"n":)" + std::to_string(i) + "}}]");
    EXPECT_TRUE(producer.flush(60s));
    EXPECT_EQ(20u, batches.count());
  }
  // Before "batches" goes, of which both tell.
  ~FailoverOfAProducer() override { a.stop(), b.stop(); }

  Batches batches;
  ProducerOptions options;
};

// Each was taken, and is not heard of.
TEST_F(FailoverOfAProducer, FromOneThatIsSilent) {
  a.answer("AppendJobEvents", [this](const Json& params) -> std::optional<Json> {
    batches.take(params);
    return std::nullopt;
  });
  appends_all();
}

TEST_F(FailoverOfAProducer, FromOneWhoseStoreIsAway) {
  std::atomic<int> taken = 0;
  a.answer("AppendJobEvents", [&](const Json& params) -> std::optional<Json> {
    if (++taken > 5) throw ApiError("E_STORE", "away", {{"retryable", true}});
    return batches.take(params);
  });
  appends_all();
}

TEST_F(FailoverOfAProducer, FromOneThatIsGone) {
  std::jthread killer([this] {
    while (a.calls("AppendJobEvents") < 3) std::this_thread::yield();
    a.stop();
  });
  a.answer("AppendJobEvents", [this](const Json& params) { return batches.take(params); });
  appends_all();
}

// SubmitJob at two nodes, the first of which does it without an answer.
class FailoverOfASubmit : public Failover {
 protected:
  FailoverOfASubmit() {
    a.answer("SubmitJob", [](const Json&) { return std::nullopt; });
    b.answer("SubmitJob", [](const Json&) { return Json{{"job_id", "at b"}}; });
    knows(a, "cert:ann"), knows(b, "cert:ann");
  }
  static void knows(FakeDaemon& daemon, const std::string& name) {
    daemon.answer("WhoAmI", [name](const Json&) { return Json{{"identity", name}}; });
  }
  std::string submit(std::chrono::milliseconds deadline = 60s) {
    CallOptions options;
    options.deadline = deadline;
    options.reply_timeout = 100ms;
    try {
      return client.call("SubmitJob", {{"idempotency_key", "k"}}, options).at("job_id");
    } catch (const ApiError& e) {
      return e.name() + ": " + e.what();
    }
  }
};

TEST_F(FailoverOfASubmit, GoesToWhoKnowsUsAsTheSame) {
  EXPECT_EQ("at b", submit());
}

TEST_F(FailoverOfASubmit, GoesToNobodyWhoKnowsUsAsAnother) {
  knows(b, "uid:1000@b");
  const std::string said = submit(1s);
  EXPECT_EQ(0, b.calls("SubmitJob"));
  EXPECT_EQ(0u, said.find("E_UNREACHABLE: it is not known whether the job was made: no answer "
                          "from " +
                          a.control()))
      << said;
  EXPECT_NE(std::string::npos,
            said.find("; and " + b.control() +
                      " knows this client as uid:1000@b, not as cert:ann, so that sent there it "
                      "might be made a second time.  Send it again with the same idempotency key, "
                      "k, when " +
                      a.control() + " is back: that finds the job, or makes it"))
      << said;
}

// Who refuses it did not make it; that says nothing of who may have.
class RefusedWhileInDoubt : public FailoverOfASubmit {
 protected:
  // "by": who is said to have refused it.
  void is_not_known(const std::string& refused, const std::string& by, int submits) {
    b.answer(refused, [](const Json&) -> std::optional<Json> {
      throw ApiError("E_FORBIDDEN", "not you", {{"retryable", false}});
    });
    const std::string said = submit();
    EXPECT_EQ(0u, said.find("E_UNREACHABLE: it is not known whether the job was made: no answer "
                            "from " +
                            a.control()))
        << said;
    EXPECT_NE(std::string::npos, said.find("; and " + by + " refuses it (E_FORBIDDEN: not you)."))
        << said;
    EXPECT_EQ(submits, b.calls("SubmitJob"));
  }
};

TEST_F(RefusedWhileInDoubt, ByAnotherNode) {
  is_not_known("SubmitJob", b.control(), 1);
}

TEST_F(RefusedWhileInDoubt, ByOneThatDoesNotEvenSayWhoAsks) {
  is_not_known("WhoAmI", "another node", 0);
}

TEST_F(FailoverOfASubmit, ComesBackToWhereItWas) {
  knows(b, "uid:1000@b");
  a.answer("SubmitJob", [this](const Json&) -> std::optional<Json> {
    if (a.calls("SubmitJob") < 2) return std::nullopt;
    return Json{{"job_id", "at a"}};
  });
  EXPECT_EQ("at a", submit());
  EXPECT_EQ(0, b.calls("SubmitJob"));
}

TEST_F(FailoverOfASubmit, IsTheSameForARetry) {
  knows(b, "uid:1000@b");
  a.answer("RetryJob", [](const Json&) { return std::nullopt; });
  b.answer("RetryJob", [](const Json&) { return Json{{"job_id", "at b"}}; });
  CallOptions options;
  options.deadline = 1s;
  options.reply_timeout = 100ms;
  EXPECT_THROW(client.call("RetryJob", {{"idempotency_key", "k"}}, options), ApiError);
  EXPECT_EQ(0, b.calls("RetryJob"));
}

// Nothing was sent to it, so that nothing is in doubt.
TEST_F(FailoverOfASubmit, NeedsNoIdentityWhereNothingWasSent) {
  knows(b, "uid:1000@b");
  a.stop();
  EXPECT_EQ("at b", submit());
}

TEST_F(FailoverOfASubmit, NeedsNoIdentityWhereItWasRefused) {
  knows(b, "uid:1000@b");
  a.answer("SubmitJob", [](const Json&) -> std::optional<Json> {
    throw ApiError("E_BUSY", "stopping", {{"retry_ms", 1}, {"stopping", true}});
  });
  EXPECT_EQ("at b", submit());
}

TEST_F(FailoverOfASubmit, IsInDoubtWhereTheStoreDoesNotKnow) {
  knows(b, "uid:1000@b");
  a.answer("SubmitJob", [](const Json&) -> std::optional<Json> {
    throw ApiError("E_STORE", "away", {{"retryable", true}});
  });
  EXPECT_EQ(0u, submit(1s).find("E_UNREACHABLE: it is not known whether the job was made: away"));
  EXPECT_EQ(0, b.calls("SubmitJob"));
}

}  // namespace
}  // namespace domed

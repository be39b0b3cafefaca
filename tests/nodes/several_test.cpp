// Several kernels on one store: what section "nodes" of the design calls TruthInTheStore, in memory
// and without a server.
#include <atomic>
#include <condition_variable>
#include <future>

#include "log/append.h"
#include "log/kernels_own.h"
#include "log/records.h"
#include "store-memory/shared_memory.h"
#include "support/harness.h"

namespace domed::test {
namespace {

using namespace std::chrono_literals;

class Several : public ::testing::Test {
 protected:
  std::unique_ptr<Kernel> node(const std::string& name, int ids, const std::string& own_user = "") {
    std::filesystem::create_directory(scratch_.path() / name);
    return std::make_unique<Kernel>(scratch_.path() / name, std::make_unique<SharedMemory>(place_),
                                    Kernel::Shared{name, ids, own_user});
  }
  static Json page(Kernel& kernel, const Json& job, std::uint64_t since, Json more = {}) {
    Json params{{"job_id", job["job_id"]}, {"since_seq", since}};
    if (!more.is_null()) params.update(more);
    return kernel.call("StreamJobEvents", params);
  }
  static std::string refusal(const Json& reply) {
    return reply.value("/error/data/error"_json_pointer, "");
  }
  static Json status(Kernel& kernel, const Json& job) {
    return kernel.call("GetJobStatus", {{"job_id", job["job_id"]}});
  }

  Scratch scratch_;
  std::shared_ptr<MemoryPlace> place_ = MemoryPlace::named("");
  std::unique_ptr<Kernel> a = node("a", 0), b = node("b", 100'000);
};

// What a kernel keeps of a job in memory is as old as its own last commit of it.
TEST_F(Several, TruthInTheStoreForPages) {
  const Json job = a->running_job("j");
  a->append(job, 1, log_event("x"));
  EXPECT_EQ(4u, page(*a, job, 0)["head_seq"]);
  ASSERT_EQ("", refusal(b->append(job, 2, log_event("y"))));
  EXPECT_EQ(5u, page(*a, job, 0)["head_seq"]);
  EXPECT_EQ(5u, page(*a, job, 4)["events"][0]["seq"]);
  EXPECT_EQ(a->lines(job["job_id"]), b->lines(job["job_id"]));
}

TEST_F(Several, TruthInTheStoreForCommits) {
  const Json job = a->running_job("j");
  for (int i = 1; i <= 20; ++i)
    ASSERT_EQ("", refusal((i % 2 ? a : b)->append(job, i, log_event("x")))) << i;
  EXPECT_EQ(23u, status(*a, job)["head_seq"]);
}

TEST_F(Several, TruthInTheStoreForReplays) {
  const Json job = a->running_job("j");
  a->append(job, 1, log_event("x"));
  ASSERT_EQ("", refusal(b->append(job, 2, log_event("y"))));
  const Json again = a->append(job, 2, log_event("y"));
  EXPECT_TRUE(again["result"]["replayed"].get<bool>()) << again;
  const Json submitted = b->call("SubmitJob", {{"idempotency_key", "j"}, {"executor", "external"}});
  EXPECT_TRUE(submitted["replayed"].get<bool>());
  EXPECT_EQ(job["producer_token"], submitted["producer_token"]);
}

TEST_F(Several, TruthInTheStoreForRefusals) {
  const Json job = a->running_job("j");
  ASSERT_EQ("", refusal(b->append(job, 1, change_to("succeeded"))));
  EXPECT_EQ("E_SEALED", refusal(a->append(job, 2, log_event("late"))));
  const Json canceled = a->call("CancelJob", {{"job_id", job["job_id"]}});
  EXPECT_TRUE(canceled["already_terminal"].get<bool>());
  EXPECT_EQ("succeeded", canceled["state"]);
  b->call("DeleteJob", {{"job_id", job["job_id"]}});
  EXPECT_EQ("E_GONE", a->error("CancelJob", {{"job_id", job["job_id"]}}));
}

TEST_F(Several, TruthInTheStoreForACancel) {
  const Json job = a->running_job("j");
  b->call("CancelJob", {{"job_id", job["job_id"]}});
  const Json poll = a->call("AppendJobEvents", {{"job_id", job["job_id"]},
                                                {"producer_id", "p"},
                                                {"producer_token", job["producer_token"]},
                                                {"events", Json::array()}});
  EXPECT_TRUE(poll["cancel_requested"].get<bool>()) << poll;
}

// Also one that was used while a daemon was alone, whose own user's ids are others.
TEST_F(Several, AKeyIsOneJobAtEachNode) {
  const Json command{{"idempotency_key", "k"}, {"command", {"true"}}, {"cwd", "/"}};
  const Json job = node("alone", 200'000, Kernel::kOwnUser)->call("SubmitJob", command);
  EXPECT_EQ(job["job_id"], a->call("SubmitJob", command)["job_id"]);
  EXPECT_EQ(job["job_id"], b->call("SubmitJob", command)["job_id"]);
  a->journal->run(job["job_id"], [](JobLog& log) { log.finish(State::failed, "lost", ""); });
  const Json retry{{"job_id", job["job_id"]}, {"idempotency_key", "again"}};
  const Json again = a->call("RetryJob", retry);
  EXPECT_EQ(again["job_id"], b->call("RetryJob", retry)["job_id"]);
}

// By the watch, long before its time is over.
TEST_F(Several, WatchIntoPolls) {
  const Json job = a->running_job("j");
  // Each of the three events before may let one poll go with nothing, by a notice that comes late.
  auto poll = std::async(std::launch::async, [&] {
    Json out{{"events", Json::array()}};
    for (int polls = 0; polls <= 3 && out["events"].empty(); ++polls)
      out = page(*b, job, 3, {{"wait_ms", 10'000}});
    return out;
  });
  while (b->streams->held_polls() == 0) std::this_thread::yield();
  a->append(job, 1, log_event("x"));
  EXPECT_EQ(4u, poll.get()["events"][0]["seq"]);
}

TEST_F(Several, WatchIntoSubmitsThatWait) {
  const Json params{{"idempotency_key", "j"}, {"executor", "external"}, {"wait_ms", 10'000}};
  const Json job = a->running_job("j");
  auto end = std::async(std::launch::async, [&] { return b->call("SubmitJob", params); });
  while (b->streams->held_polls() == 0) std::this_thread::yield();
  a->append(job, 1, change_to("succeeded"));
  EXPECT_EQ("succeeded", end.get()["state"]);
}

// A batch waits for its predecessor, which another node takes.
TEST_F(Several, WatchIntoBatchesThatWait) {
  const Json job = a->running_job("j");
  auto second = std::async(std::launch::async, [&] { return b->append(job, 2, log_event("2")); });
  a->append(job, 1, log_event("1"));
  EXPECT_EQ("", refusal(second.get()));
  EXPECT_EQ(5u, status(*a, job)["head_seq"]);
}

TEST_F(Several, AGapLetsAllPollsGo) {
  const Json job = a->running_job("j");
  std::atomic<bool> loses = false;
  auto poll = std::async(std::launch::async, [&] {
    Json out;
    do  // again where a late notice has let it go before
      out = page(*b, job, 3, {{"wait_ms", 10'000}});
    while (!loses);
    return out;
  });
  while (b->streams->held_polls() == 0) std::this_thread::yield();
  loses = true;
  place_->changes.lose();
  EXPECT_TRUE(poll.get()["events"].empty());
}

// What was taken by another node's clock is as old as that clock says.
TEST_F(Several, ANoticeTellsHowLateItCame) {
  EXPECT_FALSE(b->elsewhere->newest());
  b->environment.time = a->environment.time + 60'000'000;
  const Json job = a->running_job("j");
  // The first one of a job tells nothing: it may be of an old event.
  for (int batch = 1; !b->elsewhere->newest(); ++batch) {
    a->append(job, batch, log_event("x"));
    std::this_thread::sleep_for(1ms);
  }
  EXPECT_GE(b->elsewhere->newest()->age, 30s);
  EXPECT_LE(b->elsewhere->newest()->age, 61s);
  EXPECT_FALSE(b->elsewhere->deaf());
}

// A record that changes without an event, long after the last one, is no late notice.
TEST_F(Several, ANoticeWithoutAnEventTellsNothing) {
  const Json job = a->running_job("j"), other = a->running_job("other");
  int batch = 0;
  const auto newest = [&] { return b->elsewhere->newest().value_or(Elsewhere::Notice()); };
  // Hears of an event, and so of all that was committed before it: how late the latest notice was.
  const auto hears = [&] {
    const auto before = newest().came;
    auto longest = 0us;
    for (bool is_new = false; !is_new;) {
      a->append(other, ++batch, log_event("y"));
      const auto notice = newest();
      if ((is_new = notice.came != before)) longest = std::max(longest, notice.age);
      std::this_thread::sleep_for(1ms);
    }
    return longest;
  };
  a->append(job, 1, log_event("x"));
  hears();
  hears();  // the first may have come before the other notices of the same wait()
  for (Kernel* one : {a.get(), b.get()}) one->environment.time += 1'000'000'000'000;
  a->call("TrimJob", {{"job_id", job["job_id"]}, {"keep_from_seq", 2}});
  EXPECT_LE(hears(), 60s);
}

// Its growth is told without a look at the record, which alone has the time of its events.
TEST_F(Several, AJobThatGrowsAllTheTimeTellsHowLateItIsHeard) {
  const Json job = a->running_job("j");
  FixedEnvironment environment;
  std::mutex mutex;
  std::condition_variable heard;
  int looks = 0, grew = 0;
  const auto count = [&](int& what) {
    const std::lock_guard lock(mutex);
    ++what;
    heard.notify_all();
  };
  const auto await = [&](int& what, int least) {
    std::unique_lock lock(mutex);
    return heard.wait_for(lock, 60s, [&] { return what >= least; });
  };
  Elsewhere::Hears hears;
  hears.changed = [&](const JobRecord&, const Commit&) { count(looks); };
  hears.grew = [&](const Commit&) { count(grew); };
  hears.node = "c";
  std::atomic<Elsewhere::Clock::duration> past = Elsewhere::Clock::duration(0);
  SharedMemory watch(place_);
  Elsewhere elsewhere(watch, *b->store, environment, hears,
                      [&] { return Elsewhere::Clock::time_point(past.load()); });
  elsewhere.start();
  a->append(job, 1, log_event("x"));
  ASSERT_TRUE(await(looks, 1));
  environment.time = a->environment.time + 7'000'000;
  a->append(job, 2, log_event("y"));
  ASSERT_TRUE(await(grew, 1));
  EXPECT_FALSE(elsewhere.newest());
  environment.time += 100'000'000;  // it is looked at much later, and was heard in time
  past = 1500ms;
  ASSERT_TRUE(await(looks, 2));
  elsewhere.stop();
  ASSERT_TRUE(elsewhere.newest());
  EXPECT_GE(elsewhere.newest()->age, 6s);
  EXPECT_LE(elsewhere.newest()->age, 8s);
}

// By compare and set: of two who apply at once one is refused, and told what holds.
TEST_F(Several, SettingsOfAllNodesAreKept) {
  const auto keep = [](Kernel& kernel, std::uint64_t revision, const std::string& text) {
    return error_name([&] {
      kernel.journal->run(kClusterRecord, [&](JobLog& log) {
        keep_settings(log, revision, {0, 0, text, "all.yaml", "uid:1"});
      });
    });
  };
  EXPECT_EQ(0u, kept_settings(*b->store).revision);
  EXPECT_EQ("", keep(*a, 0, "first"));
  EXPECT_EQ("E_INVALID_TRANSITION", keep(*b, 0, "lost"));
  EXPECT_EQ("", keep(*b, 1, "second \x01 \xc3\xa4\n"));
  EXPECT_EQ("E_TOO_LARGE", keep(*a, 2, std::string(70'000, 'x')));
  const KeptSettings kept = kept_settings(*a->store);
  EXPECT_EQ(2u, kept.revision);
  EXPECT_EQ("second \x01 \xc3\xa4\n", kept.text);
  EXPECT_EQ("uid:1", kept.by);
  // Nobody sees a job in it, and nobody is sent a frame of it.
  EXPECT_EQ(0u, a->call("ListJobs", Json::object())["jobs"].size());
  EXPECT_EQ("E_INVALID_REQUEST", a->error("GetJobStatus", {{"job_id", kClusterRecord}}));
  EXPECT_EQ("E_INVALID_REQUEST", a->error("StreamJobEvents", {{"job_id", kClusterRecord}}));
  EXPECT_TRUE(unfinished_jobs(*a->store).empty());
  const std::lock_guard lock(a->committing);
  EXPECT_TRUE(a->commits.empty());
}

TEST_F(Several, SettingsThatAreDamagedAreSaidToBe) {
  a->journal->run(kClusterRecord, [](JobLog& log) {
    keep_settings(log, 0, {0, 0, "text", "all.yaml", "uid:1"});
    log.note("x-other", "{}");
  });
  try {
    kept_settings(*a->store);
    FAIL() << "something else was taken for settings";
  } catch (const Error& e) {
    EXPECT_EQ(Code::corruption, e.code());
    EXPECT_NE(std::string::npos, std::string(e.what()).find("apply the settings again"))
        << e.what();
  }
  // Which mends it.
  a->journal->run(kClusterRecord, [](JobLog& log) {
    keep_settings(log, 2, {0, 0, "new", "all.yaml", "uid:1"});
  });
  EXPECT_EQ("new", kept_settings(*b->store).text);
}

// A watch as a test wants it.
class FakeWatch final : public Watch {
 public:
  Changes wait(const std::string&, std::chrono::milliseconds timeout) override {
    ++calls;
    std::unique_lock lock(mutex);
    if (timeout > 0ms && hangs) {
      is_hanging = true;
      go_on.wait(lock, [this] { return !hangs || interrupted; });
      is_hanging = false;
    }
    if (fails) throw Error(Code::io, "it is away");
    return std::exchange(next, {});
  }
  // Until it was told, and all that was due with it.
  void tell(std::vector<Change> changes) {
    {
      const std::lock_guard lock(mutex);
      next.changes = std::move(changes);
    }
    for (const int so_far = calls; calls < so_far + 3;) std::this_thread::yield();
  }
  void interrupt() override {
    const std::lock_guard lock(mutex);
    interrupted = true;
    go_on.notify_all();
  }
  void become(bool to_fail, bool to_hang) {
    const std::lock_guard lock(mutex);
    fails = to_fail, hangs = to_hang;
    go_on.notify_all();
  }
  std::mutex mutex;
  std::condition_variable go_on;
  Changes next;
  std::atomic<int> calls = 0;
  std::atomic<bool> is_hanging = false;
  bool fails = false, hangs = false, interrupted = false;
};

TEST_F(Several, SinceWhenNothingIsHeardIsTold) {
  FakeWatch watch;
  std::atomic<std::chrono::steady_clock::time_point> now{std::chrono::steady_clock::now()};
  Elsewhere::Hears hears;
  hears.changed = [](const JobRecord&, const Commit&) {};
  hears.gap = [] {};
  Elsewhere elsewhere(watch, *b->store, b->environment, std::move(hears),
                      [&] { return now.load(); });
  const auto again = [&] {
    for (const int calls = watch.calls; watch.calls < calls + 2;) std::this_thread::yield();
  };
  EXPECT_FALSE(elsewhere.deaf()) << "it is not asked yet";
  elsewhere.start();
  again();
  EXPECT_FALSE(elsewhere.deaf());
  watch.become(false, true);
  while (!watch.is_hanging) std::this_thread::yield();
  now = now.load() + 4s;
  EXPECT_FALSE(elsewhere.deaf()) << "a wait may take its time";
  now = now.load() + 6s;
  EXPECT_GE(*elsewhere.deaf(), 6s) << "but not for ever";
  watch.become(true, false);
  again();
  EXPECT_GE(*elsewhere.deaf(), 6s);
  watch.become(false, false);
  again();
  EXPECT_FALSE(elsewhere.deaf());
}

// A job that writes a lot elsewhere is told at once, and read once a second.
TEST_F(Several, AJobThatGrowsElsewhereIsReadOnceASecond) {
  FakeWatch watch;
  std::atomic<std::chrono::steady_clock::time_point> now{std::chrono::steady_clock::now()};
  std::vector<std::string> heard;
  Elsewhere::Hears hears;
  hears.node = "b";
  hears.changed = [&](const JobRecord&, const Commit& commit) {
    heard.push_back("as stored " + std::to_string(commit.head));
  };
  hears.grew = [&](const Commit& commit) {
    heard.push_back("grew " + std::to_string(commit.head));
  };
  hears.gap = [] {};
  const Json job = a->running_job("j");
  Elsewhere elsewhere(watch, *b->store, b->environment, std::move(hears),
                      [&] { return now.load(); });
  elsewhere.start();
  const auto tells = [&] {
    const auto record = b->store->find(job["job_id"].get<std::string>());
    const JobHead head = head_of(*record);
    watch.tell({Change{record->job_id, record->revision, head.head_seq,
                       std::string(state_name(head.state))}});
    return std::exchange(heard, {});
  };
  using Heard = std::vector<std::string>;
  EXPECT_EQ(Heard{"as stored 3"}, tells());
  for (int i = 1; i <= 3; ++i) {
    a->append(job, i, log_event("x"));
    EXPECT_EQ(Heard{"grew " + std::to_string(3 + i)}, tells());
  }
  EXPECT_EQ(Heard{}, tells()) << "a second time";
  now = now.load() + 1s;
  watch.tell({});
  EXPECT_EQ(Heard{"as stored 6"}, std::exchange(heard, {}));
  a->append(job, 4, change_to("succeeded"));
  EXPECT_EQ(Heard{"as stored 7"}, tells()) << "an end is seen at once";
  elsewhere.stop();
}

}  // namespace
}  // namespace domed::test

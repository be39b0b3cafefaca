#include "log/journal.h"

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "log/append.h"
#include "protocol/limits.h"
#include "support/faulty_store.h"
#include "support/harness.h"

namespace domed::test {
namespace {

class JournalTest : public ::testing::Test {
 protected:
  void create(const std::string& id) {
    journal.run(id, [&](JobLog& log) {
      Submission submission;
      submission.fixed.job_id = id;
      submission.token = "t";
      submission.fixed.request = {{"executor", "external"}};
      log.create(submission);
    });
  }
  static AppendRequest batch(const std::string& id, std::uint64_t number,
                             const std::string& events) {
    std::string params = compact_json("{\"job_id\":" + json_string(id) +
                                      R"(,"producer_id":"p","producer_token":"","batch":)" +
                                      std::to_string(number) + ",\"events\":" + events + "}");
    AppendRequest out = read_append(params);
    out.batch.is_of_run = true;
    return out;
  }
  // Reports "running".
  void append(const std::string& id) {
    auto first = batch(id, 1, R"([{"type":"state_change","payload":{"to":"running"}}])");
    first.batch.provenance = "{}";
    journal.run(id, [&](JobLog& log) {
      AppendResult result;
      log.append(first.batch, true, result);
    });
  }
  Journal::Command cancel(const std::string& id, std::promise<void>& done) {
    Journal::Command command;
    command.job_id = id;
    command.apply = [](JobLog& log, bool) {
      log.request_cancel("");
      return true;
    };
    command.done = [&done](std::exception_ptr e) { e ? done.set_exception(e) : done.set_value(); };
    return command;
  }

  // Until open(), a commit is under way; what is submitted meanwhile is applied behind it.
  void close() {
    store.gate = gate.get_future();
    const int before = store.commits;
    submit("first", 9, 0);
    while (store.commits == before) std::this_thread::yield();
  }
  // Returns whose commands were applied, in their order, when all are answered.
  std::string open() {
    gate.set_value();
    for (auto& one : answers) one.get_future().get();
    return order;
  }
  // A command by "from" that holds "bytes".
  void submit(const std::string& id, Sender from, std::size_t bytes) {
    auto command = cancel(id, answers.emplace_back());
    command.from = from;
    command.bytes = bytes;
    command.entry_bytes = 1000;
    command.apply = [this, from, apply = command.apply](JobLog& log, bool last) {
      order += std::to_string(from.connection);
      return apply(log, last);
    };
    try {
      journal.submit(std::move(command));
    } catch (...) {
      answers.pop_back();
      throw;
    }
  }

  std::promise<void> gate;
  std::deque<std::promise<void>> answers;
  std::string order;
  Scratch scratch;
  FixedEnvironment environment;
  FaultyStore store{open_store("store-memory", scratch.path())};
  void wait_until(const std::function<bool()>& reached) {
    std::unique_lock lock(mutex);
    changed.wait(lock, reached);
  }
  void hear(const Commit& commit) {
    const std::lock_guard lock(mutex);
    ++observed;
    heard = commit;
    changed.notify_all();
  }
  void hear(const std::optional<Error>& failure) {
    const std::lock_guard lock(mutex);
    tried += failure ? 'f' : '.';
    changed.notify_all();
  }
  StoreWatch watch() {
    StoreWatch out;
    out.tried = [this](const std::optional<Error>& failure) { hear(failure); };
    out.probe = [this] { store.find("domed.store"); };
    return out;
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::atomic<int> observed{0};
  Commit heard;       // that the observer was told
  std::string tried;  // of the store's watch: a dot for what went well
  Journal journal{store, environment, [this](const Commit& commit) { hear(commit); }, {}, watch()};
};

TEST_F(JournalTest, WhatComesDuringACommitFormsTheNextOne) {
  for (int i = 0; i < 20; ++i) create("j" + std::to_string(i));
  std::promise<void> open;
  store.gate = open.get_future();
  const int before = store.commits;
  std::vector<std::promise<void>> done(20);
  for (std::size_t i = 0; i < 20; ++i) journal.submit(cancel("j" + std::to_string(i), done[i]));
  open.set_value();
  for (auto& one : done) one.get_future().get();
  EXPECT_LE(store.commits - before, 3);
  EXPECT_GE(store.largest, 10u);
}

TEST_F(JournalTest, ConnectionsTakeTurns) {
  for (const char* id : {"first", "loud", "paced"}) create(id);
  close();
  for (int i = 0; i < 20; ++i) submit("loud", 1, 1 << 20);
  submit("paced", 2, 20 << 10);
  submit("paced", 3, 20 << 10);
  EXPECT_EQ("9123" + std::string(19, '1'), open());
}

// One that has waited for a round of others waits for no long one then.
TEST_F(JournalTest, RoundsAreShortWhileSomebodyWhoSaysLittleIsThere) {
  for (const char* id : {"first", "paced"}) create(id);
  for (int i = 0; i < 20; ++i) create("loud" + std::to_string(i));
  close();
  for (int i = 0; i < 20; ++i) submit("loud" + std::to_string(i), 1, 256 << 10);
  submit("paced", 2, 100);
  const int before = store.commits;
  open();
  EXPECT_GE(store.commits - before, 8);
}

// An end for want of a word must not overtake the word.
TEST_F(JournalTest, TheKernelsOwnComesAfterAllThatWasThere) {
  for (const char* id : {"first", "job"}) create(id);
  close();
  for (int i = 0; i < 20; ++i) submit("job", 1, 1 << 20);
  submit("job", 0, 0);
  for (int i = 0; i < 10; ++i) submit("job", 1, 1 << 20);
  const std::string all = open();
  EXPECT_EQ("9" + std::string(20, '1'), all.substr(0, 21));
  EXPECT_LT(all.find('0'), 30u) << "and not after all that came later: " << all;
}

TEST_F(JournalTest, WhoSaysTooMuchFillsTheQueueForItselfOnly) {
  for (const char* id : {"first", "loud", "paced"}) create(id);
  close();
  EXPECT_EQ("E_BUSY", error_name([&] {
              for (;;) submit("loud", 1, 1 << 20);
            }));
  EXPECT_NO_THROW(submit("paced", 2, 100));
  EXPECT_EQ("E_BUSY", error_name([&] { submit("loud", 1, 1); }));
  open();
}

// By however many connections.
TEST_F(JournalTest, WhoSaysTooMuchByManyFillsTheQueueForItselfOnly) {
  for (const char* id : {"first", "loud", "paced"}) create(id);
  close();
  EXPECT_EQ("E_BUSY", error_name([&] {
              for (std::uint32_t connection = 10;; ++connection)
                submit("loud", {connection, 1}, 1 << 20);
            }));
  EXPECT_NO_THROW(submit("paced", {9, 2}, 100));
  open();
}

TEST_F(JournalTest, WhatIsDamagedOfOneJobStopsNoOther) {
  for (const char* id : {"a", "b", "c", "first"}) create(id);
  std::promise<void> open;
  store.gate = open.get_future();
  const int before = store.commits;
  std::vector<std::promise<void>> done(4);
  journal.submit(cancel("first", done[0]));
  while (store.commits == before) std::this_thread::yield();  // what comes now is one batch
  journal.submit(cancel("a", done[1]));
  journal.submit(cancel("b", done[2]));
  journal.submit(cancel("c", done[3]));
  store.damaged = "b";
  open.set_value();
  EXPECT_NO_THROW(done[0].get_future().get());
  EXPECT_NO_THROW(done[1].get_future().get());
  EXPECT_EQ("E_STORE", error_name([&] { done[2].get_future().get(); }));
  EXPECT_NO_THROW(done[3].get_future().get());
  for (const char* id : {"a", "c"}) EXPECT_EQ(3u, store.find(id)->head_seq);
}

TEST_F(JournalTest, ACommandThatComesAloneIsCommittedByItsCaller) {
  std::promise<void> done;
  auto command = cancel("nobody", done);
  std::thread::id committed;
  command.done = [&](std::exception_ptr) { committed = std::this_thread::get_id(); };
  journal.submit_or_commit(std::move(command));
  EXPECT_EQ(std::this_thread::get_id(), committed);
}

TEST_F(JournalTest, WhatComesDuringACallersCommitIsCommittedToo) {
  for (int i = 0; i < 20; ++i) create("j" + std::to_string(i));
  std::promise<void> open;
  store.gate = open.get_future();
  const int before = store.commits;
  std::vector<std::promise<void>> done(20);
  std::thread caller([&] { journal.submit_or_commit(cancel("j0", done[0])); });
  while (store.commits == before) std::this_thread::yield();
  for (std::size_t i = 1; i < 20; ++i)
    journal.submit_or_commit(cancel("j" + std::to_string(i), done[i]));
  open.set_value();
  caller.join();
  for (auto& one : done) one.get_future().get();
  EXPECT_LE(store.commits - before, 3);
}

TEST_F(JournalTest, AFailedCommitAnswersEStoreAndChangesNothing) {
  create("a");
  store.failures = 1;
  EXPECT_EQ("E_STORE",
            error_name([&] { journal.run("a", [](JobLog& log) { log.request_cancel(""); }); }));
  EXPECT_EQ(1u, store.find("a")->head_seq);
  journal.run("a", [](JobLog& log) { log.request_cancel(""); });
  EXPECT_EQ(3u, store.find("a")->head_seq);
}

TEST_F(JournalTest, AConflictIsReadAgainAndRepeated) {
  create("a");
  store.conflicts = 2;
  journal.run("a", [](JobLog& log) { log.request_cancel(""); });
  EXPECT_EQ(3u, store.find("a")->head_seq);
  store.conflicts = 3;
  EXPECT_EQ("E_STORE", error_name([&] { create("b"); }));
}

TEST_F(JournalTest, ACommitWhoseAnswerWasLostIsPublishedAndAnswered) {
  store.silences = 1;
  create("a");
  EXPECT_EQ(1, observed);
  store.silences = 1;
  journal.run("a", [](JobLog& log) { log.request_cancel(""); });
  EXPECT_EQ(2, observed);
  EXPECT_EQ(3u, store.find("a")->head_seq);
  store.silences = 1;
  journal.run("a", [](JobLog& log) { log.purge(); });
  EXPECT_TRUE(store.find("a")->tombstone);
}

// It was answered with an error, and nobody asks again: the log goes on all the same.
TEST_F(JournalTest, ACommitThatLandsLateIsToldWhenTheStoreAnswersAgain) {
  create("a");
  store.lates = 1;
  EXPECT_EQ("E_STORE",
            error_name([&] { journal.run("a", [](JobLog& log) { log.request_cancel(""); }); }));
  EXPECT_EQ(1, observed);
  store.land(true);
  wait_until([&] { return observed == 2; });
  EXPECT_EQ("a", heard.job_id);
  EXPECT_EQ(3u, heard.head);
  EXPECT_EQ(4u, heard.first);  // no lines: followers page
  EXPECT_FALSE(heard.lines);
  EXPECT_EQ(State::canceled, heard.state);
  EXPECT_TRUE(heard.ended);
  EXPECT_EQ("E_SEALED", error_name([&] { append("a"); }));
}

TEST_F(JournalTest, AJobThatWasCreatedLateIsToldToo) {
  store.lates = 1;
  EXPECT_EQ("E_STORE", error_name([&] { create("a"); }));
  store.land(true);
  wait_until([&] { return observed == 1; });
  EXPECT_EQ(State::queued, heard.state);
  create("a");  // the same request again finds it
  EXPECT_EQ(1u, store.find("a")->head_seq);
}

// It has nothing to tell, and those behind it have.
TEST_F(JournalTest, AJobThatIsDamagedMeanwhileIsWaitedForNoLonger) {
  create("a");
  store.lates = 1;
  EXPECT_EQ("E_STORE",
            error_name([&] { journal.run("a", [](JobLog& log) { log.request_cancel(""); }); }));
  wait_until([&] { return tried.ends_with("f"); });
  store.damaged = "a";
  store.land(true);
  wait_until([&] { return tried.ends_with("."); });
  EXPECT_EQ(1, observed);
}

TEST_F(JournalTest, ACommitThatWasNeverKeptIsNotTold) {
  create("a");
  store.lates = 1;
  EXPECT_EQ("E_STORE",
            error_name([&] { journal.run("a", [](JobLog& log) { log.request_cancel(""); }); }));
  store.land(false);
  wait_until([&] { return tried.ends_with("."); });
  EXPECT_EQ(1, observed);
  journal.run("a", [](JobLog& log) { log.request_cancel(""); });
  EXPECT_EQ(2, observed);
}

TEST_F(JournalTest, AStoreThatFailsIsTriedUntilItWorksThoughNobodyAsks) {
  create("a");
  store.failures = 3;
  EXPECT_EQ("E_STORE", error_name([&] { create("b"); }));
  store.away = true;
  wait_until([&] { return tried.ends_with("ff"); });
  store.away = false;
  wait_until([&] { return tried.ends_with("."); });
}

// Whoever brings a request has others to serve.
TEST_F(JournalTest, NoCallersThreadWaitsForAStoreThatFailed) {
  create("a");
  store.away = true;
  EXPECT_EQ("E_STORE", error_name([&] { create("b"); }));
  std::promise<std::thread::id> answered;
  std::promise<void> unused;
  auto command = cancel("a", unused);
  command.done = [&](std::exception_ptr) { answered.set_value(std::this_thread::get_id()); };
  journal.submit_or_commit(std::move(command));
  EXPECT_NE(std::this_thread::get_id(), answered.get_future().get());
}

// A round trip to the store for each of them would be all that a remote one can do.
TEST_F(JournalTest, SmallBatchesOfOneJobShareACommit) {
  create("a");
  append("a");
  std::promise<void> open;
  store.gate = open.get_future();
  const int before = store.commits;
  std::vector<std::promise<void>> done(60);
  for (std::size_t i = 0; i < done.size(); ++i) {
    AppendRequest request = batch("a", i + 2, R"([{"type":"x-small","payload":{"n":1}}])");
    Journal::Command command;
    command.job_id = "a";
    command.entry_bytes = request.entry_bytes();
    command.apply = [batch = request.batch](JobLog& log, bool last) {
      AppendResult result;
      return log.append(batch, last, result);
    };
    command.done = [&done, i](std::exception_ptr e) {
      e ? done[i].set_exception(e) : done[i].set_value();
    };
    journal.submit(std::move(command));
  }
  open.set_value();
  for (auto& one : done) one.get_future().get();
  EXPECT_LE(store.commits - before, 3);
  EXPECT_EQ(63u, store.find("a")->head_seq);
}

TEST_F(JournalTest, ABatchTakesNoMoreOfAnEntryThanItSaid) {
  create("a\x01");
  std::uint64_t number = 0;
  const std::string text(5000, '\x01');  // escaped it is six times as long
  for (const auto& events :
       {Json::array({{{"type", "state_change"}, {"payload", {{"to", "running"}}}}}),
        Json::array({{{"type", "log"}, {"payload", {{"stream", "stdout"}, {"text", text}}}}}),
        Json::array({{{"type", "x-a"}, {"payload", Json::object()}},
                     {{"type", "state_change"},
                      {"payload", {{"to", "failed"}, {"message", std::string(4000, '"')}}}}})}) {
    AppendRequest request = batch("a\x01", ++number, events.dump());
    request.batch.provenance = "{}";
    std::size_t took = 0;
    journal.run("a\x01", [&](JobLog& log) {
      AppendResult result;
      log.append(request.batch, true, result);
      took = log.pending_bytes();
    });
    EXPECT_LE(took, request.entry_bytes());
  }
}

TEST_F(JournalTest, WhatRepeatingCannotMendSaysSo) {
  const auto retryable = [&](Code code) {
    store.failures = 1;
    store.failure = code;
    try {
      create("a");
    } catch (const ApiError& e) {
      return e.retryable();
    }
    return false;
  };
  EXPECT_TRUE(retryable(Code::io));
  EXPECT_TRUE(retryable(Code::exhausted));
  EXPECT_FALSE(retryable(Code::corruption));
  EXPECT_FALSE(retryable(Code::internal));
}

TEST_F(JournalTest, ADroppedTombstoneIsForgottenAtOnce) {
  create("a");
  journal.run("a", [](JobLog& log) { log.request_cancel(""); });
  journal.run("a", [](JobLog& log) { log.purge(); });
  EXPECT_EQ("E_GONE", error_name([&] { create("a"); }));
  journal.run("a", [](JobLog& log) { log.drop(); });
  EXPECT_FALSE(store.find("a").has_value());
  create("a");
  EXPECT_EQ(1u, store.find("a")->head_seq);
}

TEST_F(JournalTest, AnExceptionOfACommandIsItsAnswer) {
  EXPECT_EQ("E_INTERNAL", error_name([&] {
              journal.run("a", [](JobLog&) { throw std::runtime_error("bug"); });
            }));
  create("a");
}

TEST_F(JournalTest, BackPressureSaysBusyAndLosesNothing) {
  create("a");
  std::promise<void> open;
  store.gate = open.get_future();
  std::deque<std::promise<void>> done;
  std::string refused;
  for (int i = 0; i < 100'000 && refused.empty(); ++i) {
    done.emplace_back();
    refused = error_name([&] { journal.submit(cancel("a", done.back())); });
  }
  EXPECT_EQ("E_BUSY", refused);
  done.pop_back();
  open.set_value();
  for (auto& one : done) one.get_future().get();
  EXPECT_EQ(3u, store.find("a")->head_seq);
}

TEST_F(JournalTest, StopFinishesWhatIsQueued) {
  create("a");
  std::promise<void> done;
  journal.submit(cancel("a", done));
  journal.stop();
  done.get_future().get();
  EXPECT_EQ("E_BUSY", error_name([&] { create("b"); }));
}

TEST_F(JournalTest, MoreThanOneEntryHoldsIsSpreadOverCommits) {
  create("a");
  journal.run("a", [](JobLog& log) {
    AppendResult result;
    Batch batch;
    batch.producer_id = "p";
    batch.producer_token = "t";
    batch.number = 1;
    batch.provenance = "{}";
    batch.events.push_back(read_event("state_change", R"({"to":"running"})", Author::producer, ""));
    log.append(batch, true, result);
  });
  std::promise<void> open;
  store.gate = open.get_future();
  std::vector<std::promise<void>> done(9);
  for (std::size_t i = 0; i < done.size(); ++i) {
    Journal::Command command;
    command.job_id = "a";
    command.apply = [i](JobLog& log, bool last) {
      AppendResult result;
      Batch batch;
      batch.producer_id = "p";
      batch.producer_token = "t";
      batch.number = i + 2;
      for (int n = 0; n < 13; ++n)
        batch.events.push_back(read_event("x-big", "{\"a\":\"" + std::string(30000, 'x') + "\"}",
                                          Author::producer, ""));
      return log.append(batch, last, result);
    };
    command.done = [&done, i](std::exception_ptr e) {
      e ? done[i].set_exception(e) : done[i].set_value();
    };
    journal.submit(std::move(command));
  }
  open.set_value();
  for (auto& one : done) one.get_future().get();
  EXPECT_EQ(3u + 9 * 13, store.find("a")->head_seq);
}

}  // namespace
}  // namespace domed::test

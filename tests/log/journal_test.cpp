#include "log/journal.h"

#include <future>
#include <thread>

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
      submission.fixed.request = {{"executor", "external"}};
      log.create(submission);
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

  Scratch scratch;
  FixedEnvironment environment;
  FaultyStore store{open_store("store-memory", scratch.path())};
  std::atomic<int> observed{0};
  Journal journal{store, environment, [this](const Commit&) { ++observed; }};
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
    batch.number = 1;
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
  EXPECT_EQ(2u + 9 * 13, store.find("a")->head_seq);
}

}  // namespace
}  // namespace domed::test

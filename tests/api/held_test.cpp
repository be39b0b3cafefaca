// What is held when roles change: it is asked again who waits.
#include <algorithm>
#include <future>
#include <thread>

#include "support/faulty_store.h"
#include "support/harness.h"

namespace domed::test {
namespace {

class Held : public testing::Test {
 protected:
  static std::unique_ptr<Store> faulty(std::unique_ptr<Store> store, FaultyStore*& out) {
    auto made = std::make_unique<FaultyStore>(std::move(store));
    out = made.get();
    return made;
  }
  std::future<Json> asked(const std::string& method, const Json& params) {
    const Json text{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}};
    const auto promise = std::make_shared<std::promise<Json>>();
    kernel.dispatcher->take(text.dump(), kernel.peer, [promise](const std::string& reply) {
      promise->set_value(Json::parse(reply));
    });
    return promise->get_future();
  }
  // Of the next event of "job"; it waits when this returns.
  std::future<Json> poll() {
    const std::size_t before = kernel.streams->held_polls();
    auto out = asked("StreamJobEvents",
                     {{"job_id", job["job_id"]}, {"since_seq", 3}, {"wait_ms", 10'000}});
    while (kernel.streams->held_polls() == before) std::this_thread::yield();
    return out;
  }
  static std::string error(std::future<Json>& answer) {
    const Json reply = answer.get();
    return reply.contains("error") ? reply["error"]["data"].value("error", "?") : reply.dump();
  }
  void operate() { kernel.be(Kernel::kOwnUser, Role::admin); }

  Scratch scratch;
  FaultyStore* store = nullptr;
  Kernel kernel{"store-memory", scratch.path(),
                faulty(open_store("store-memory", scratch.path()), store)};
  const Json job = kernel.running_job("k");
};

TEST_F(Held, APollIsNotAnsweredWithLinesOnceItsRoleIsGone) {
  kernel.be("token:x", Role::reader);
  auto poll_of_x = poll();
  kernel.becomes(Role::none);
  operate();
  kernel.append(job, 1, log_event("a secret"));
  EXPECT_EQ(error(poll_of_x), "E_FORBIDDEN");
  const std::lock_guard lock(kernel.auditing);
  EXPECT_EQ(std::count_if(kernel.audited.begin(), kernel.audited.end(),
                          [](const OrderedJson& line) {
                            return line["who"] == "token:x" && line["outcome"] == "E_FORBIDDEN";
                          }),
            1);
}

TEST_F(Held, PollsEndWithTheirRole) {
  operate();
  auto other = poll();
  kernel.be("token:x", Role::reader);
  auto poll_of_x = poll();
  kernel.streams->look_again();
  EXPECT_EQ(kernel.streams->held_polls(), 2u) << "nothing has changed";
  kernel.becomes(Role::none);
  kernel.streams->look_again();
  EXPECT_EQ(error(poll_of_x), "E_FORBIDDEN");
  EXPECT_EQ(kernel.streams->held_polls(), 1u);
  operate();
  kernel.append(job, 1, log_event("a line"));
  EXPECT_EQ(other.get()["result"]["events"].size(), 1u);
}

// What it made is there: it hears what the commit said, and nothing that came later.
TEST_F(Held, ASubmitIsAnsweredAsItWasCommitted) {
  kernel.be("token:x", Role::submitter);
  auto answer =
      asked("SubmitJob", {{"idempotency_key", "s"}, {"executor", "external"}, {"wait_ms", 10'000}});
  while (kernel.streams->held_polls() == 0) std::this_thread::yield();
  kernel.becomes(Role::none);
  kernel.streams->look_again();
  const Json reply = answer.get();
  EXPECT_EQ(reply["result"]["state"], "queued") << reply;
  const std::lock_guard lock(kernel.auditing);
  EXPECT_EQ(kernel.audited.back()["outcome"], "ok");
}

TEST_F(Held, ABatchThatWaitsForItsPredecessorIsRefused) {
  const auto batch = [&](int number) {
    return asked("AppendJobEvents", {{"job_id", job["job_id"]},
                                     {"producer_id", "p"},
                                     {"producer_token", job["producer_token"]},
                                     {"batch", number},
                                     {"events", {log_event("x")}}});
  };
  kernel.be("token:x", Role::producer);
  auto second = batch(2);
  kernel.becomes(Role::reader);
  operate();
  EXPECT_TRUE(batch(1).get().contains("result"));
  EXPECT_EQ(error(second), "E_FORBIDDEN");
  EXPECT_EQ(kernel.lines(job["job_id"], 3).size(), 1u);
}

// Two are at work, and the others wait for them.
TEST_F(Held, NoSearchIsAnsweredOnceItsRoleIsGone) {
  kernel.append(job, 1, log_event("a secret"));
  kernel.be("token:x", Role::reader);
  std::promise<void> open;
  store->read_gate = open.get_future().share();
  std::vector<std::future<Json>> searches;
  for (int i = 0; i < 5; ++i)
    searches.push_back(asked("SearchJob", {{"job_id", job["job_id"]}, {"literal", "secret"}}));
  kernel.becomes(Role::none);
  open.set_value();
  for (auto& one : searches) EXPECT_EQ(error(one), "E_FORBIDDEN");
}

class ReadsNothing final : public Unread {
 public:
  bool is_too_much() const override { return true; }
  bool is_gone() const override { return false; }
};

TEST_F(Held, NobodySearchesWhoReadsNothing) {
  const auto unread = std::make_shared<ReadsNothing>();
  kernel.peer.unread = unread;
  EXPECT_EQ(kernel.error("SearchJob", {{"job_id", job["job_id"]}, {"literal", "x"}}), "E_BUSY");
}

// Here both workers are at something else.
TEST_F(Held, WhoWaitsForAThreadIsWhoTheyAreByThen) {
  std::promise<void> go;
  const auto gone = go.get_future().share();
  for (int i = 0; i < 2; ++i) kernel.workers.run([gone] { gone.wait(); });
  kernel.be("token:x", Role::admin);
  auto cancel = asked("CancelJob", {{"job_id", job["job_id"]}});
  auto remove = asked("DeleteJob", {{"job_id", job["job_id"]}});
  kernel.becomes(Role::submitter);  // and it is not theirs
  go.set_value();
  EXPECT_EQ(error(cancel), "E_FORBIDDEN");
  EXPECT_EQ(error(remove), "E_FORBIDDEN");
}

// The store takes its time over what came before.
TEST_F(Held, WhoWaitsForACommitIsWhoTheyAreByThen) {
  const auto append = [&](int batch) {
    return asked("AppendJobEvents", {{"job_id", job["job_id"]},
                                     {"producer_id", "p"},
                                     {"producer_token", job["producer_token"]},
                                     {"batch", batch},
                                     {"events", {log_event("x")}}});
  };
  kernel.peer.alone = false;
  std::promise<void> go;
  store->gate = go.get_future();
  const int commits = store->commits;
  auto first = append(1);
  while (store->commits == commits) std::this_thread::yield();
  kernel.be("token:x", Role::admin);
  auto second = append(2);
  // One thread is left for these, and so they have been submitted when the last has run.
  std::promise<void> idle, quiet;
  const auto rest = idle.get_future().share();
  kernel.workers.run([rest] { rest.wait(); });
  auto command = asked("SubmitJob", {{"idempotency_key", "c"}, {"command", {"true"}}});
  auto cancel = asked("CancelJob", {{"job_id", job["job_id"]}});
  auto hold = asked("HoldJob", {{"job_id", job["job_id"]}});
  kernel.workers.run([&] { quiet.set_value(); }, {}, kernel.peer.pipe);
  quiet.get_future().wait();
  kernel.becomes(Role::reader);
  go.set_value();
  EXPECT_TRUE(first.get().contains("result"));
  for (auto* one : {&second, &command, &cancel, &hold}) EXPECT_EQ(error(*one), "E_FORBIDDEN");
  idle.set_value();
  EXPECT_EQ(kernel.lines(job["job_id"], 3).size(), 1u);
}

}  // namespace
}  // namespace domed::test

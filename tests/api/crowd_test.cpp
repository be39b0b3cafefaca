// One who comes by many connections, and what is left for others then.
#include <future>
#include <vector>

#include "support/faulty_store.h"
#include "support/harness.h"

namespace domed::test {
namespace {

constexpr int kMost = 512;  // appends, and a quarter more for who has none (ServiceConfig)

class Crowd : public testing::Test {
 protected:
  Crowd() {
    auto faulty = std::make_unique<FaultyStore>(open_store("store-memory", scratch.path()));
    store = faulty.get();
    kernel.emplace("store-memory", scratch.path(), std::move(faulty));
  }
  // By a connection of its own.
  std::future<Json> append(const Json& job, int batch, const std::string& producer,
                           std::size_t bytes = 1) {
    const Json text{{"jsonrpc", "2.0"},
                    {"id", 1},
                    {"method", "AppendJobEvents"},
                    {"params",
                     {{"job_id", job["job_id"]},
                      {"producer_id", producer},
                      {"producer_token", job["producer_token"]},
                      {"batch", batch},
                      {"events", {log_event(std::string(bytes, 'x'))}}}}};
    const auto promise = std::make_shared<std::promise<Json>>();
    Peer peer = kernel->peer;
    peer.pipe = ++connections;
    peer.alone = false;
    kernel->dispatcher->take(text.dump(), peer, [promise](const std::string& reply) {
      promise->set_value(Json::parse(reply));
    });
    return promise->get_future();
  }
  static std::string error(std::future<Json> answer) {
    const Json reply = answer.get();
    return reply.contains("error") ? reply["error"]["data"].value("error", "?") : "";
  }
  std::vector<Json> jobs(int count) {
    std::vector<Json> out;
    for (int i = 0; i < count; ++i) out.push_back(kernel->running_job("j" + std::to_string(i)));
    return out;
  }

  Scratch scratch;
  FaultyStore* store = nullptr;
  std::optional<Kernel> kernel;
  std::uint32_t connections = 100;
};

TEST_F(Crowd, WhoSendsBatchesAheadKeepsNobodyFromAppending) {
  const Json own = kernel->running_job("own");
  kernel->be("token:y", Role::submitter);
  const Json ys = kernel->running_job("y");
  kernel->be("token:x", Role::submitter);
  const auto xs = jobs(1);
  std::vector<std::future<Json>> parked;
  for (int batch = 2; batch < 62; ++batch)
    for (int producer = 0; producer < 2 * kMost / 60; ++producer)
      parked.push_back(append(xs[0], batch, "p" + std::to_string(producer % 15)));
  EXPECT_EQ(error(append(xs[0], 1, "q")), "") << "what waits for nothing";
  kernel->be("token:y", Role::submitter);
  EXPECT_EQ(error(append(ys, 1, "p")), "");
  EXPECT_EQ(error(append(ys, 3, "p")), "E_BATCH_GAP") << "it may wait, too";
  kernel->be(Kernel::kOwnUser, Role::admin);
  EXPECT_EQ(error(append(own, 1, "p")), "");
  for (auto& one : parked) EXPECT_NE(error(std::move(one)), "");
}

// They hold as much memory as the journal has for all.
TEST_F(Crowd, WhoSendsLargeBatchesAheadKeepsNobodyFromAppending) {
  const Json own = kernel->running_job("own");
  kernel->be("token:x", Role::submitter);
  const auto xs = jobs(1);
  std::vector<std::future<Json>> parked;
  for (int batch = 2; batch < 62; ++batch)
    for (int producer = 0; producer < 5; ++producer)
      parked.push_back(append(xs[0], batch, "p" + std::to_string(producer), 60'000));
  kernel->be(Kernel::kOwnUser, Role::admin);
  EXPECT_EQ(error(append(own, 1, "p")), "");
  EXPECT_EQ(error(append(own, 2, "p")), "");
  for (auto& one : parked) EXPECT_NE(error(std::move(one)), "");
}

// The store takes its time.
TEST_F(Crowd, WhoComesByManyConnectionsLeavesOthersTheirAppends) {
  const Json own = kernel->running_job("own");
  kernel->be("token:y", Role::submitter);
  const Json ys = kernel->running_job("y");
  kernel->be("token:x", Role::submitter);
  const auto xs = jobs(4);
  std::promise<void> go;
  store->gate = go.get_future();
  const int commits = store->commits;
  std::vector<std::future<Json>> waiting;
  for (int i = 0; i < 2 * kMost; ++i) {
    waiting.push_back(append(xs[i % 4], 1 + i / 64, "p" + std::to_string(i % 4 + i / 4 % 8)));
    if (i == 0)
      while (store->commits == commits) std::this_thread::yield();
  }
  kernel->be("token:y", Role::submitter);
  auto of_y = append(ys, 1, "p");
  kernel->be(Kernel::kOwnUser, Role::admin);
  std::vector<std::future<Json>> runners;
  for (int i = 1; i <= 40; ++i) runners.push_back(append(own, i, "p"));
  go.set_value();
  EXPECT_EQ(error(std::move(of_y)), "");
  for (auto& one : runners) EXPECT_EQ(error(std::move(one)), "");
  for (auto& one : waiting) one.wait();
}

}  // namespace
}  // namespace domed::test

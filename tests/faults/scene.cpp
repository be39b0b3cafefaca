#include "scene.h"

#include <unistd.h>

#include "clause.h"
#include "client/verify.h"

namespace domed::faults {

using namespace std::chrono_literals;

const char* const kRunning = R"([{"type":"state_change","payload":{"to":"running"}}])";
const char* const kSucceeded = R"([{"type":"state_change","payload":{"to":"succeeded"}}])";

Directory::Directory() {
  std::string name = (std::filesystem::temp_directory_path() / "domed-faults-XXXXXX").string();
  path_ = mkdtemp(name.data());
}

Directory::~Directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string lines_of(int batch, int count, std::size_t size) {
  std::string out = "[";
  for (int i = 0; i < count; ++i)
    out += std::string(i ? "," : "") + R"({"type":"log","payload":{"stream":"stdout","text":")" +
           std::to_string(batch) + "-" + std::to_string(i) + std::string(size, 'x') + "\"}}";
  return out + "]";
}

void Scene::begin(const std::string& store, const std::string& database) {
  DaemonProcess::Settings settings;
  settings.bin = DOMED_BIN, settings.plugins = DOMED_PLUGINS, settings.store = store;
  settings.directory = directory.path("d"), settings.database = database;
  daemon = std::make_unique<DaemonProcess>(settings);
  recorder =
      std::make_unique<history::Recorder>(out, store, store == "store-memory" ? "none" : "power");
  daemon->start();
}

void Scene::put_between(const std::string& plan, std::uint64_t seed) {
  std::filesystem::create_directory(directory.path("p"));
  proxy =
      std::make_unique<Proxy>(directory.path("p"), daemon->run_directory(), plan_of(plan, seed));
}

Json Scene::submit_external(const std::string& key) {
  Client client(endpoint());
  return history::submit(*recorder, "submitter", client,
                         {{"idempotency_key", key}, {"executor", "external"}});
}

Json Scene::submit_command(const std::string& key, const std::vector<std::string>& command) {
  Client client(endpoint());
  return history::submit(*recorder, "submitter", client,
                         {{"idempotency_key", key}, {"command", command}});
}

ProducerOptions Scene::producer_of(const Json& job, const std::string& id) const {
  ProducerOptions options;
  options.endpoint = endpoint();
  options.job_id = job.at("job_id");
  options.producer_id = id;
  options.producer_token = job.at("producer_token");
  options.reply_timeout = 1s;
  return options;
}

void Scene::produce(const Json& job, int batches, bool step,
                    const std::function<void()>& before_the_end) {
  history::RecordedProducer producer(*recorder, "producer", producer_of(job, "p"));
  producer.append(kRunning);
  for (int batch = 0; batch < batches; ++batch) {
    producer.append(lines_of(batch, 1 + batch % 4));
    ASSERT_TRUE(!step || producer.flush(60s));
  }
  if (before_the_end) before_the_end();
  producer.append(kSucceeded);
  ASSERT_TRUE(producer.flush(60s));
}

history::Ended Scene::follow(const std::string& who, const Json& job, FollowOptions options,
                             const Follower::OnEvent& on_event) {
  Client client(endpoint());
  options.job_id = job.at("job_id");
  options.await_daemon = true;
  options.deadline = std::chrono::steady_clock::now() + 120s;
  return history::follow(*recorder, who, client, options, on_event);
}

void Scene::audit(const std::vector<Json>& jobs) {
  proxy.reset();
  for (const auto& job : jobs) {
    Client client(endpoint());
    const Json status = history::status(*recorder, "auditor", client, job.at("job_id"));
    Verifier verifier(status);
    FollowOptions options;
    options.follow = false;
    options.since_seq = status.at("first_seq").get<std::uint64_t>() - 1;
    follow("auditor", job, options,
           [&](std::string_view line, std::uint64_t) { verifier.line(line); });
    verifier.finish();
    EXPECT_EQ("", verifier.problem().value_or(""));
  }
  history::History history;
  history.read(out, "history");
  history.finish();
  EXPECT_EQ("", report(history));
}

}  // namespace domed::faults

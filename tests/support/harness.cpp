#include "support/harness.h"

#include <unistd.h>

#include <cstdio>
#include <future>
#include <sstream>

#include "log/kernels_own.h"

namespace domed::test {

std::string FixedEnvironment::random_id() {
  char text[33];
  std::snprintf(text, sizeof text, "%032x", ++ids);
  return text;
}

std::string FixedEnvironment::revision() {
  std::string out = std::to_string(++revisions);
  return out.insert(0, kRevisionBytes - out.size(), '0');
}

Scratch::Scratch() {
  std::string name = (std::filesystem::temp_directory_path() / "domed-kernel-XXXXXX").string();
  path_ = mkdtemp(name.data());
}

Scratch::~Scratch() {
  std::filesystem::remove_all(path_);
}

std::unique_ptr<Store> open_store(const std::string& plugin, const std::filesystem::path& dir) {
  static QuietHost host;
  const Plugin loaded(
      load_manifest(std::filesystem::path(DOMED_TEST_PLUGINS) / (plugin + ".yaml")));
  return loaded.create_store(make_options(loaded.manifest(), {}, dir), host);
}

Kernel::Kernel(const std::string& store_plugin, const std::filesystem::path& dir,
               std::vector<Source> collectors)
    : Kernel(store_plugin, dir, open_store(store_plugin, dir), std::move(collectors)) {}

Kernel::Kernel(const std::string& store_plugin, const std::filesystem::path& dir,
               std::unique_ptr<Store> open, std::vector<Source> collectors,
               const std::string& own_user, StoreKeys keys)
    : plugin(std::move(open)),
      checked(std::make_unique<CheckedStore>(*plugin)),
      sealed(std::make_unique<SealedStore>(*checked, std::move(keys))),
      store(std::make_unique<PresentStore>(*sealed)),
      provenance(std::move(collectors), [](const std::string&) {}),
      workers(2) {
  const std::string secret = store_secret(*sealed, environment);
  const auto events_urls = [](const std::string&) {
    return std::vector<std::string>{"ipc:///events"};
  };
  streams = std::make_unique<Streams>(*store, workers, PollLimits{8, 8, 8}, events_urls);
  Doubts doubts;
  doubts.committing = [this](const std::string& job_id) { streams->committing(job_id); };
  doubts.forget = [this](const std::string& job_id) { streams->forget(job_id); };
  journal = std::make_unique<Journal>(
      *sealed, environment,
      [this](const Commit& commit) {
        {
          const std::lock_guard lock(committing);
          commits.push_back(commit);
        }
        streams->committed(commit);
        if (elsewhere) elsewhere->own(commit);
      },
      doubts);
  store->renew_with([this](const std::string& job_id) { journal->renew(job_id); });
  SchedulerConfig config;
  config.run.state_dir = dir;
  scheduler = std::make_unique<Scheduler>(
      *store, *journal, environment, provenance, config, [](Level, const std::string&) {},
      troubles);
  ServiceConfig service;
  service.store_secret = secret;
  service.facts.epoch = "epoch";
  service.facts.node_id = "id";
  service.facts.node_name = "here";
  service.facts.metrics = [this] { return metrics.text(); };
  service.facts.store_name = store_plugin;
  service.facts.events_urls = [] { return std::vector<std::string>{"ipc:///events"}; };
  service.rules.own_user = own_user;
  service.rules.allow_ad_hoc = true;
  service.events_urls = events_urls;
  methods = std::make_unique<Methods>(*store, *journal, *streams, *scheduler, environment, workers,
                                      audit, service);
  dispatcher = std::make_unique<Dispatcher>(*methods, workers, audit, metrics);
  be(kOwnUser, Role::admin);
}

Kernel::Kernel(const std::filesystem::path& dir, std::unique_ptr<Store> open, const Shared& shared)
    : Kernel("store-memory", dir, std::move(open), {}, shared.own_user) {
  environment.ids = environment.revisions = shared.ids;
  journal->share();
  Streams::Shared streams_of;
  streams_of.node = shared.node;
  streams->share(std::move(streams_of));
  Elsewhere::Hears hears;
  hears.changed = [this](const JobRecord&, const Commit& commit) {
    streams->committed(commit);
    journal->changed_elsewhere(commit.job_id);
  };
  hears.node = shared.node;
  hears.grew = [this](const Commit& commit) {
    streams->committed(commit);
    journal->changed_elsewhere(commit.job_id);
  };
  hears.gap = [this] { streams->changed_all(); };
  elsewhere = std::make_unique<Elsewhere>(dynamic_cast<Watch&>(*plugin), *store, environment,
                                          std::move(hears));
  elsewhere->start();
}

namespace {

class Somebody final : public Caller {
 public:
  explicit Somebody(Identity identity) : name_(identity.name), role_(identity.role) {}
  IdentityPtr who(const std::optional<std::string>&) const override {
    return std::make_shared<const Identity>(Identity{name_, role_});
  }
  IdentityPtr again(const Identity&) const override { return who({}); }
  void becomes(Role role) { role_ = role; }

 private:
  const std::string name_;
  std::atomic<Role> role_;
};

}  // namespace

void Kernel::be(const std::string& name, Role role) {
  auto somebody = std::make_shared<Somebody>(Identity{name, role});
  becomes = [somebody](Role now) { somebody->becomes(now); };
  peer.caller = std::move(somebody);
}

Kernel::~Kernel() {
  if (elsewhere) elsewhere->stop();
  streams->stop();
  workers.stop();
  journal->stop();
  dispatcher.reset();
  methods.reset();
}

std::string Kernel::raw(const std::string& bytes) {
  auto promise = std::make_shared<std::promise<std::string>>();
  dispatcher->take(bytes, peer,
                   [promise](std::string reply) { promise->set_value(std::move(reply)); });
  return promise->get_future().get();
}

Json Kernel::request(const std::string& method, const Json& params) {
  return Json::parse(
      raw(Json{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}}.dump()));
}

Json Kernel::call(const std::string& method, const Json& params) {
  const Json reply = request(method, params);
  EXPECT_TRUE(reply.contains("result")) << method << " " << params << ": " << reply;
  return reply.value("result", Json());
}

std::string Kernel::error(const std::string& method, const Json& params) {
  const Json reply = request(method, params);
  return reply.contains("error") ? reply["error"]["data"]["error"].get<std::string>() : "";
}

Json Kernel::running_job(const std::string& key) {
  const Json job = call("SubmitJob", {{"idempotency_key", key}, {"executor", "external"}});
  append(job, 1, {change_to("running")}, "starter");
  return job;
}

// A braced list of one event is the event itself to nlohmann.
Json Kernel::append(const Json& job, int batch, const Json& events, const std::string& producer) {
  return request("AppendJobEvents",
                 {{"job_id", job["job_id"]},
                  {"producer_id", producer},
                  {"producer_token", job["producer_token"]},
                  {"batch", batch},
                  {"events", events.is_object() ? Json::array({events}) : events}});
}

std::vector<std::string> Kernel::lines(const std::string& job_id, std::uint64_t since) {
  const auto slice = store->read(job_id, since + 1, 100000, 1u << 30);
  std::vector<std::string> out;
  std::istringstream text(slice ? slice->events : "");
  for (std::string line; std::getline(text, line);) out.push_back(line);
  return out;
}

Json log_event(const std::string& text, bool eol) {
  Json payload{{"stream", "stdout"}, {"text", text}};
  if (!eol) payload["eol"] = false;
  return {{"type", "log"}, {"payload", payload}};
}

void submit(Journal& journal, const std::string& id, const Json& request) {
  journal.run(id, [&](JobLog& log) {
    Submission submission;
    submission.fixed.job_id = id;
    submission.fixed.run_id = "run-" + id;
    submission.token = "t";
    submission.fixed.request = request;
    log.create(submission);
  });
}

Json change_to(const std::string& state) {
  return {{"type", "state_change"}, {"payload", {{"to", state}}}};
}

}  // namespace domed::test

// The jobs' room of nodes that meet in one place in memory, with clocks that the test turns.
#pragma once

#include <atomic>
#include <fstream>

#include "jobs/launch.h"
#include "jobs/others.h"
#include "jobs/recovery.h"
#include "jobs/scheduler.h"
#include "jobs/settle.h"
#include "jobs/whose.h"
#include "log/elsewhere.h"
#include "store-memory/shared_memory.h"
#include "support/harness.h"

namespace domed::test {

using namespace std::chrono_literals;

struct Clocks {
  BootClock::time_point boot = BootClock::now();
  std::int64_t wall = 1'700'000'000'000'000;
};

// What a daemon has of the jobs' room, without a scheduler.
struct Node {
  Node(const std::string& id, const std::filesystem::path& dir, std::shared_ptr<MemoryPlace> place,
       const Clocks& clocks, int ids)
      : store(place),
        watch(std::move(place)),
        lease(store, "epoch of " + id,
              [this, id, &clocks] {
                NodeWords words{id,     id, "machine", "boot", "place of " + id, "0.1",
                                {1, 2}, {}, {},        {},     clocks.wall};
                words.takes = takes;
                if (takes) words.queues = {takes->queues.begin(), takes->queues.end()};
                return words;
              },
              {ClusterTimes(), [&clocks] { return clocks.boot; }}) {
    environment.ids = environment.revisions = ids;
    journal.share();
    std::filesystem::create_directories(dir / id / "runs");
    config.run.state_dir = dir / id;
    config.runner = dir / id / "runner";
    config.node = id;
    config.lease = &lease;
    settings.become(config.run);
    lease.take();
  }
  ~Node() {
    if (elsewhere) elsewhere->stop();
    if (scheduler) scheduler->stop();
    journal.stop();  // nobody is told of commits from here on
    scheduler.reset();
  }

  // From here on it starts jobs, whose runners are this script, and hears what others commit.
  void serve(const std::string& script) {
    std::ofstream(config.runner) << "#!/bin/bash\n" << script << "\n";
    std::filesystem::permissions(config.runner, std::filesystem::perms::owner_all);
    Elsewhere::Hears hears;
    hears.changed = [this](const JobRecord& record, const Commit& commit) {
      scheduler->changed_elsewhere(record, commit);
    };
    hears.gap = [this] { scheduler->look_again(); };
    elsewhere = std::make_unique<Elsewhere>(store, store, environment, std::move(hears));
    hears_commits = elsewhere.get();
    scheduler = std::make_unique<Scheduler>(
        store, journal, environment, provenance, config, [](Level, const std::string&) {},
        troubles);
    starts_jobs = scheduler.get();
    scheduler->recover([](const std::string&, const JobHead&) {});
    scheduler->start({"ipc:///x"});
    elsewhere->start();
  }
  // Waits until the record says so, as long as the test may last.
  void await(const std::string& job, const std::function<bool(const JobHead&)>& says) {
    for (std::string cursor;;) {
      cursor = watch.wait(cursor, 0ms).cursor;
      const auto record = store.find(job);
      if (record && says(head_of(*record))) return;
      watch.wait(cursor, 1s);
    }
  }

  // Until it has looked at the job, and will not start it.
  void awaits_passing_over(const std::string& job) {
    const auto passes = [&] {
      const auto ids = scheduler->passed_over_ids();
      return std::find(ids.begin(), ids.end(), job) != ids.end();
    };
    while (!passes()) std::this_thread::yield();
  }

  JobHead head(const std::string& job) { return head_of(*store.find(job)); }
  // As it is told by the watch.
  void sees(const std::string& job) {
    const auto record = store.find(job);
    others.saw(job, record->revision, whose(head_of(*record), fixed_of(*record)));
  }
  void claim(const std::string& job) {
    journal.run(job, [&](JobLog& log) { log.assign(config.node, token_of(job)); });
  }
  static std::string token_of(const std::string& job) { return "token of " + job; }
  // The batch that the runner of "job" begins with, or another; the name of its refusal.
  std::string append(const std::string& job, std::uint64_t number, const Json& event) {
    Batch batch;
    batch.producer_id = "p", batch.producer_token = token_of(job), batch.number = number;
    batch.events = read_events(Json::array({event}).dump());
    batch.provenance = "{}";
    return error_name([&] {
      journal.run(job, [&](JobLog& log) {
        take_at(batch, log, config.node, lease.standing());
        AppendResult ignored;
        log.append(batch, true, ignored);
      });
    });
  }
  std::string runs(const std::string& job) {
    claim(job);
    return append(job, 1, change_to("running"));
  }
  StepOutcome launches(
      const std::string& job, const std::function<void()>& meanwhile = [] {}) {
    return launch(context, {"ipc:///x"}, job, [&](const JobFixed&) { meanwhile(); });
  }
  StepOutcome settles(const std::string& job) {
    return settle(context, {job, "run-" + job, false}, [] { return std::nullopt; });
  }
  Takeover recovers(const std::string& job) {
    return take_over(context, Runners(config.runner), job)->what;
  }
  // What the log tells, one word for each event.
  std::vector<std::string> log(const std::string& job) {
    std::vector<std::string> out;
    const auto slice = store.read(job, 1, 100, 1 << 20, Direction::forward);
    std::istringstream lines(slice->events);
    for (std::string line; std::getline(lines, line);) {
      const Event event = read_line(line).event;
      std::string word = event.to ? std::string(state_name(*event.to)) : event.type;
      if (event.type == "assigned") word += " " + (event.node.empty() ? "nobody" : event.node);
      out.push_back(word);
    }
    return out;
  }

  std::optional<OwnPolicy> takes;  // as its words say
  FixedEnvironment environment;
  SharedMemory store, watch;  // the latter of the test
  NodeLease lease;
  std::unique_ptr<Scheduler> scheduler;
  std::unique_ptr<Elsewhere> elsewhere;
  // Those two once they are whole, for the journal's thread.
  std::atomic<Elsewhere*> hears_commits = nullptr;
  std::atomic<Scheduler*> starts_jobs = nullptr;
  Journal journal{store, environment, [this](const Commit& commit) {
                    if (Elsewhere* const hears = hears_commits) hears->own(commit);
                    if (Scheduler* const starts = starts_jobs) starts->notice(commit);
                  }};
  Provenance provenance{{}, [](const std::string&) {}};
  SchedulerConfig config;
  Troubles troubles{[](Troubles::Word, const std::string&) {}};
  Replaceable<RunSettings> settings{config.run};
  FirstLooks looks{provenance, settings};
  JobsContext context{store,
                      journal,
                      environment,
                      provenance,
                      looks,
                      config,
                      settings,
                      [](Level, const std::string&) {},
                      troubles,
                      [] { return false; },
                      [this](const std::string& queue) -> std::optional<std::size_t> {
                        const auto limit = config.queues.find(queue);
                        if (limit == config.queues.end()) return std::nullopt;
                        return limit->second;
                      }};
  Others others{context};
};

class NodesOfJobs : public ::testing::Test {
 protected:
  NodesOfJobs() { place_->leases.stop_clock(); }

  std::unique_ptr<Node> node(const std::string& id, int ids) {
    return std::make_unique<Node>(id, scratch_.path(), place_, clocks_, ids);
  }
  // Time passes, in which these nodes live.
  void pass(std::chrono::seconds time, const std::vector<Node*>& living) {
    for (auto i = 0s; i < time; i += 5s) {
      place_->leases.turn(5s);
      clocks_.boot += 5s;
      clocks_.wall += 5'000'000;
      for (Node* one : living) one->lease.beat();
    }
  }
  using Log = std::vector<std::string>;

  Scratch scratch_;
  Clocks clocks_;
  std::shared_ptr<MemoryPlace> place_ = MemoryPlace::named("");
};

}  // namespace domed::test

#pragma once

#include <gtest/gtest.h>

#include "jobs/context.h"
#include "support/faulty_store.h"
#include "support/harness.h"

namespace domed::test {

// What the steps on a run need, over a store in memory; no scheduler, and no thread but the
// journal's.
class JobsTest : public ::testing::Test {
 protected:
  JobsTest() {
    config.run.state_dir = scratch.path();
    config.runner = scratch.path() / "runner";
    config.node = "node-1";
    settings.become(config.run);
  }
  ~JobsTest() override { journal.stop(); }

  void finish(const std::string& id, State to) {
    journal.run(id, [&](JobLog& log) { log.finish(to, "exit", ""); });
  }
  JobHead head(const std::string& id) { return head_of(*store.find(id)); }
  JobFixed fixed(const std::string& id) { return fixed_of(*store.find(id)); }
  RunDir run_dir(const std::string& id) { return RunDir(run_path(config.run, "run-" + id)); }

  Scratch scratch;
  FixedEnvironment environment;
  FaultyStore store{open_store("store-memory", scratch.path())};
  Journal journal{store, environment, [](const Commit&) {}};
  Provenance provenance{{}, [](const std::string&) {}};
  SchedulerConfig config;
  std::string said;  // what was logged
  Troubles troubles{[this](Troubles::Word, const std::string& text) { said += text + "\n"; }};
  bool stopping = false;
  Replaceable<RunSettings> settings{config.run};
  FirstLooks looks{provenance, settings};
  JobsContext context{store,       journal,
                      environment, provenance,
                      looks,       config,
                      settings,    [this](Level, const std::string& line) { said += line + "\n"; },
                      troubles,    [this] { return stopping; }};
};

}  // namespace domed::test

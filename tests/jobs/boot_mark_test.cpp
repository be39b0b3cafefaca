#include "jobs/boot_mark.h"

#include <gtest/gtest.h>

#include "support/harness.h"

namespace domed::test {
namespace {

TEST(BootMark, TellsADeadMachineFromADeadDaemon) {
  Scratch dir;
  EXPECT_FALSE(BootMark(dir.path(), "boot-1").machine_went_down());
  BootMark(dir.path(), "boot-1").set();
  EXPECT_FALSE(BootMark(dir.path(), "boot-1").machine_went_down());
  EXPECT_TRUE(BootMark(dir.path(), "boot-2").machine_went_down());
}

TEST(BootMark, IsGoneAfterAnEndInOrder) {
  Scratch dir;
  BootMark mark(dir.path(), "boot-1");
  mark.set();
  mark.clear();
  EXPECT_FALSE(BootMark(dir.path(), "boot-2").machine_went_down());
}

TEST(BootMark, ADamagedRecordCostsItsOwnJobOnly) {
  Scratch dir;
  FixedEnvironment environment;
  const auto store = open_store("store-memory", dir.path());
  Journal journal(*store, environment, [](const Commit&) {});
  journal.run("job", [](JobLog& log) {
    Submission submission;
    submission.fixed.job_id = "job";
    submission.fixed.request = Json::object();
    log.create(submission);
  });
  Entry entry;
  const std::vector<std::uint32_t> ends{3};
  entry.job_id = "damaged", entry.events = "{}\n", entry.ends = ends;
  entry.head = "rubbish", entry.fixed = "rubbish";
  entry.columns = {1, "queued", true, "", {}};
  store->commit({&entry, 1});
  const std::string before = JobHead::decode(store->find("job")->head).log_id;
  std::string said;
  reidentify_unfinished(*store, journal, environment, [&](const auto& line) { said += line; });
  EXPECT_NE(before, JobHead::decode(store->find("job")->head).log_id);
  EXPECT_NE(std::string::npos, said.find("job damaged is left alone")) << said;
}

TEST(BootMark, ThisBootHasAName) {
  EXPECT_EQ(36u, present_boot_id().size());
}

}  // namespace
}  // namespace domed::test

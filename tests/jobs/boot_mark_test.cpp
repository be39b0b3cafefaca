#include "jobs/boot_mark.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

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

// A FIFO was opened, and waited for, at each start.
TEST(BootMark, WhatIsNoMarkIsNotWaitedForAndGivesWay) {
  Scratch dir;
  const auto file = dir.path() / "boot";
  const auto answers = [&] {
    BootMark mark(dir.path(), "boot-1");
    EXPECT_TRUE(mark.machine_went_down());
    mark.set();
    EXPECT_FALSE(mark.machine_went_down());
    EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(file)));
    std::filesystem::remove(file);
  };
  mkfifo(file.c_str(), 0600);
  answers();
  std::filesystem::create_symlink("/dev/zero", file);
  answers();
  std::filesystem::create_directories(file / "deep");
  answers();
}

}  // namespace
}  // namespace domed::test

#include "jobs/run_dir.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/note.h"
#include "domed/error.h"
#include "support/harness.h"

namespace domed::test {
namespace {

TEST(RunDir, KeepsItsSpecificationToTheOwner) {
  Scratch scratch;
  RunDir dir(scratch.path() / "runs" / "r");
  dir.create("job");
  struct stat info {};
  ASSERT_EQ(0, stat((dir.path() / "spec.json").c_str(), &info));
  EXPECT_EQ(0600u, info.st_mode & 0777);
  ASSERT_EQ(0, stat(dir.path().c_str(), &info));
  EXPECT_EQ(0700u, info.st_mode & 0777);
}

TEST(RunDir, ATornLastLineOfTheSpoolIsIgnored) {
  Scratch scratch;
  RunDir dir(scratch.path());
  std::ofstream(dir.path() / "spool") << "one\ntwo\nthr";
  std::vector<std::string> batches;
  dir.read_spool([&](const std::string& batch) {
    batches.push_back(batch);
    return true;
  });
  EXPECT_EQ((std::vector<std::string>{"one", "two"}), batches);
}

TEST(RunDir, ACommandIsTrustedOnlyWithItsRunnersSignatureAndBootId) {
  Scratch scratch;
  RunDir dir(scratch.path());
  const Json note{{"pid", 7}, {"start_time", 8}, {"boot_id", boot_id()}, {"pipes", {9}}};
  const auto known = [&](const Json& json) {
    std::ofstream(dir.path() / "child.json") << json;
    return dir.command(sha256("token")).has_value();
  };
  EXPECT_FALSE(dir.command(sha256("token")));
  EXPECT_TRUE(known(signed_note(note, "token")));
  EXPECT_EQ(9u, dir.command(sha256("token"))->pipes.at(0));
  EXPECT_FALSE(known(note)) << "anybody can write it";
  EXPECT_FALSE(known(signed_note(note, "another"))) << "another run's runner wrote it";
  EXPECT_FALSE(known(signed_note(note, ""))) << "a run that the store does not know";
  Json other = note;
  other["boot_id"] = "another";
  EXPECT_FALSE(known(signed_note(other, "token"))) << "the machine was started again";
  Json changed = signed_note(note, "token");
  changed["pid"] = 1;
  EXPECT_FALSE(known(changed));
}

// What a job may put in the place of the file "name" of its run.
class HostileFile : public ::testing::TestWithParam<const char*> {
 protected:
  HostileFile() { std::filesystem::create_directories(dir_.path()); }

  void plant(const std::string& name) {
    const std::filesystem::path file = dir_.path() / name;
    const std::string kind = GetParam();
    if (kind == "fifo") mkfifo(file.c_str(), 0600);
    if (kind == "device") std::filesystem::create_symlink("/dev/zero", file);
    if (kind == "link") {
      std::ofstream(scratch_.path() / "elsewhere") << "{}";
      std::filesystem::create_symlink(scratch_.path() / "elsewhere", file);
    }
    if (kind == "directory") std::filesystem::create_directories(file / "deep");
    if (kind == "huge") {
      std::ofstream(file) << "";
      std::filesystem::resize_file(file, std::uintmax_t{100} << 30);  // all of it a hole
    }
    if (kind == "deep") std::ofstream(file) << std::string(60'000, '[');
  }

  Scratch scratch_;
  RunDir dir_{scratch_.path() / "run"};
};
INSTANTIATE_TEST_SUITE_P(Every, HostileFile,
                         ::testing::Values("fifo", "device", "link", "directory", "huge", "deep"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST_P(HostileFile, TellsNothingAndIsNotWaitedFor) {
  for (const char* name : {"spec.json", "child.json", "log"}) plant(name);
  EXPECT_EQ("", dir_.job_id());
  EXPECT_FALSE(dir_.command(sha256("token")));
  EXPECT_TRUE(dir_.last_words().empty() || std::string(GetParam()) == "deep");
  EXPECT_TRUE(dir_.was_started());
}

TEST_P(HostileFile, IsNoSpool) {
  plant("spool");
  std::size_t batches = 0;
  const auto read = [&] { dir_.read_spool([&](const std::string&) { return ++batches > 0; }); };
  if (std::string(GetParam()) == "deep")
    read();  // a torn line
  else
    EXPECT_THROW(read(), Error);
  EXPECT_EQ(0u, batches);
}

TEST_P(HostileFile, IsNoLockOrIsOne) {
  plant("lock");
  const bool regular = std::string(GetParam()) == "huge" || std::string(GetParam()) == "deep";
  EXPECT_EQ(regular, dir_.lock().has_value());
  EXPECT_FALSE(std::filesystem::exists(scratch_.path() / "elsewhere") &&
               std::filesystem::file_size(scratch_.path() / "elsewhere") != 2);
}

TEST_P(HostileFile, GoesWithItsRun) {
  for (const char* name : {"spec.json", "lock", "spool", "log", "tty"}) plant(name);
  dir_.remove();
  EXPECT_FALSE(dir_.exists());
  dir_.create("job", Json::object());
  EXPECT_EQ("job", dir_.job_id());
}

TEST(RunDir, ARunnersLogIsNotWrittenThroughWhatIsInItsPlace) {
  Scratch scratch;
  RunDir dir(scratch.path());
  mkfifo((dir.path() / "log").c_str(), 0600);
  EXPECT_THROW(spawn_runner("/bin/true", dir, "{}"), Error);
}

TEST(RunDir, ARunnerGetsItsJobAtADescriptorAndNothingOfOurEnvironment) {
  Scratch scratch;
  RunDir dir(scratch.path());
  const auto program = scratch.path() / "runner";
  std::ofstream(program) << "#!/bin/bash\nexec <&3; cat; tr '\\0' '\\n' < /proc/$$/environ\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  setenv("DOMED_TEST_SECRET", "of the daemon", 1);
  const Runner runner = spawn_runner(program, dir, "the job\n");
  unsetenv("DOMED_TEST_SECRET");
  waitpid(runner.process.pid, nullptr, 0);
  std::stringstream said;
  said << std::ifstream(dir.path() / "log").rdbuf();
  EXPECT_TRUE(said.str().starts_with("the job\n")) << said.str();
  EXPECT_EQ(std::string::npos, said.str().find("DOMED_TEST_SECRET")) << said.str();
}

TEST(RunDir, ItsLockKeepsRunnersOut) {
  Scratch scratch;
  RunDir dir(scratch.path());
  const auto lock = dir.lock();
  EXPECT_TRUE(lock.has_value());
  EXPECT_FALSE(dir.lock().has_value());
  EXPECT_TRUE(RunDir(scratch.path() / "nothing").lock().has_value());
}

}  // namespace
}  // namespace domed::test

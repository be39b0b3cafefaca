// A disk that is full, cannot be written to, or goes away, under store-sqlite.
#include <sys/mount.h>

#include <cstring>
#include <fstream>

#include "scene.h"

namespace domed::faults {
namespace {

using namespace std::chrono_literals;

// A small file system of its own.
class SmallDisk {
 public:
  SmallDisk(std::string path, const std::string& size) : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
    if (mount("none", path_.c_str(), "tmpfs", 0, ("size=" + size).c_str()) != 0)
      problem_ = std::strerror(errno);
  }
  ~SmallDisk() {
    if (problem_.empty()) umount2(path_.c_str(), MNT_DETACH);
  }
  const std::string& problem() const { return problem_; }
  // Leaves about "bytes" free.
  void fill(std::uintmax_t bytes) const {
    std::ofstream file(path_ + "/ballast", std::ios::binary);
    const auto free = std::filesystem::space(path_).available;
    file << std::string(free > bytes ? free - bytes : 0, 'x');
  }
  void make_room() const { std::filesystem::remove(path_ + "/ballast"); }
  bool allow_writing(bool allowed) const {
    return mount("none", path_.c_str(), "tmpfs", MS_REMOUNT | (allowed ? 0 : MS_RDONLY), nullptr) ==
           0;
  }

 private:
  const std::string path_;
  std::string problem_;
};

class Disk : public Scene {
 protected:
  // Submits jobs until the daemon refuses one; the error.  A refusal keeps nothing.
  std::string submit_until_refused() {
    Client client(daemon->control());
    CallOptions once;
    once.repeat = false;
    const std::string filler(100'000, 'x');
    for (int i = 0; i < 1000; ++i) {
      try {
        client.call("SubmitJob",
                    {{"idempotency_key", "filler-" + std::to_string(i)},
                     {"executor", "external"},
                     {"task", {{"filler", filler}}}},
                    once);
      } catch (const ApiError& e) {
        return e.name();
      }
    }
    return "";
  }
};

TEST_F(Disk, ThatIsFullIsToldAndServiceResumesByItself) {
  const SmallDisk disk(directory.path("disk"), "16m");
  if (!disk.problem().empty()) GTEST_SKIP() << "cannot mount a small tmpfs: " << disk.problem();
  begin("store-sqlite", directory.path("disk/domed.db"));
  const Json job = submit_external("job");
  history::RecordedProducer producer(*recorder, "producer", producer_of(job, "p"));
  producer.append(kRunning);
  ASSERT_TRUE(producer.flush(60s));
  disk.fill(1 << 20);
  const std::string refusal = submit_until_refused();
  EXPECT_TRUE(refusal == "E_STORE" || refusal == "E_BUSY") << refusal;
  for (int batch = 0; batch < 40; ++batch) producer.append(lines_of(batch, 5, 2000));
  EXPECT_FALSE(producer.flush(500ms)) << "400 kB went where there is no room";
  EXPECT_FALSE(producer.producer().error()) << "a full disk ended a producer";
  disk.make_room();
  producer.append(kSucceeded);
  EXPECT_TRUE(producer.flush(60s));
  EXPECT_EQ("terminal", follow("after", job).end);
  audit({job});
}

TEST_F(Disk, ThatIsFullLosesNothingInACrash) {
  const SmallDisk disk(directory.path("disk"), "16m");
  if (!disk.problem().empty()) GTEST_SKIP() << "cannot mount a small tmpfs: " << disk.problem();
  begin("store-sqlite", directory.path("disk/domed.db"));
  const Json job = submit_external("job");
  history::RecordedProducer producer(*recorder, "producer", producer_of(job, "p"));
  producer.append(kRunning);
  disk.fill(1 << 20);
  submit_until_refused();
  for (int batch = 0; batch < 40; ++batch) producer.append(lines_of(batch, 5, 2000));
  daemon->end(SIGKILL);
  disk.make_room();
  daemon->start();
  producer.append(kSucceeded);
  EXPECT_TRUE(producer.flush(60s));
  audit({job});
}

TEST_F(Disk, ThatCannotBeWrittenToIsRefusedWithItsPath) {
  const SmallDisk disk(directory.path("disk"), "16m");
  if (!disk.problem().empty()) GTEST_SKIP() << "cannot mount a small tmpfs: " << disk.problem();
  begin("store-sqlite", directory.path("disk/domed.db"));
  const Json job = submit_external("job");
  produce(job, 5, false);
  daemon->end(SIGTERM);
  ASSERT_TRUE(disk.allow_writing(false));
  try {
    daemon->start();
    FAIL() << "it serves without being able to keep anything";
  } catch (const std::runtime_error& e) {
    EXPECT_NE(std::string::npos, std::string(e.what()).find(directory.path("disk/domed.db")))
        << e.what();
  }
  ASSERT_TRUE(disk.allow_writing(true));
  daemon->start();
  audit({job});
}

TEST_F(Disk, WhoseDirectoryVanishesForAWhileLosesNothingAcknowledged) {
  std::filesystem::create_directory(directory.path("disk"));
  begin("store-sqlite", directory.path("disk/domed.db"));
  const Json job = submit_external("job");
  history::RecordedProducer producer(*recorder, "producer", producer_of(job, "p"));
  producer.append(kRunning);
  ASSERT_TRUE(producer.flush(60s));
  std::filesystem::rename(directory.path("disk"), directory.path("gone"));
  for (int batch = 0; batch < 20; ++batch) producer.append(lines_of(batch, 5));
  producer.flush(500ms);  // kept or refused for now: either is right
  EXPECT_FALSE(producer.producer().error()) << "a vanished directory ended a producer";
  std::filesystem::rename(directory.path("gone"), directory.path("disk"));
  daemon->end(SIGKILL);
  daemon->start();
  producer.append(kSucceeded);
  EXPECT_TRUE(producer.flush(60s));
  audit({job});
}

}  // namespace
}  // namespace domed::faults

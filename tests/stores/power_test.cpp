#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <functional>

#include "power_vfs.h"
#include "scratch.h"
#include "script.h"

namespace store_tests {
namespace {

using domed::StoreSqlite;

// How far a run has come; shared with a child that may be killed.
struct Progress {
  std::uint64_t batches = 0;  // acknowledged
  char incarnation[80] = {};  // of the first object that was there
  bool other = false;         // a later one had another
};

std::uint64_t number_of(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// A database whose use ends at any write, sync, truncation or removal.
class SqliteEnds : public SqliteTest {
 protected:
  static constexpr std::uint64_t kBatches = 60;

  // Nothing here needs a real disk, and most of a real one's time would go to its syncs.
  SqliteEnds() : SqliteTest(memory()) {}
  static std::filesystem::path memory() {
    const bool there = ::access("/dev/shm", W_OK) == 0;
    return there ? "/dev/shm" : std::filesystem::temp_directory_path();
  }

  StoreSqlite::Settings settings(const std::filesystem::path& directory) const {
    StoreSqlite::Settings settings;
    settings.path = (directory / "domed.db").string();
    settings.checkpoint = 20;
    settings.readers = 1;
    return settings;
  }

  // Batches of the script of "seed", with a clean close now and then.  Ends early, with false,
  // where the disk does.
  bool run(std::uint64_t seed, const std::filesystem::path& directory, Progress& progress) const {
    Script script(seed);
    try {
      std::uint64_t batch = 0;
      while (batch < kBatches) {
        StoreSqlite store(settings(directory));
        if (progress.incarnation[0] == 0)
          store.incarnation().copy(progress.incarnation, sizeof progress.incarnation - 1);
        progress.other = progress.other || store.incarnation() != progress.incarnation;
        for (const std::uint64_t end = batch + 1 + (seed + batch) % 17;
             batch < std::min(end, kBatches); ++batch) {
          store.commit(script.next());
          script.done();
          progress.batches = batch + 1;
        }
      }
      return true;
    } catch (const domed::Error&) {
      return false;
    }
  }

  // Opens what is left: all that was acknowledged is there, and the batch that was under way
  // whole or not at all.
  void check(std::uint64_t seed, const std::filesystem::path& directory,
             const Progress& progress) const {
    ASSERT_FALSE(progress.other) << "a new incarnation before the end";
    const PowerVfs without_syncs;
    std::string told;
    StoreSqlite::Settings reopened = settings(directory);
    reopened.log = [&](domed::Level, const std::string& text) { told += text + '\n'; };
    const StoreSqlite store(reopened);
    Script script(seed);
    for (std::uint64_t i = 0; i < progress.batches; ++i) {
      script.next();
      script.done();
    }
    const std::string acknowledged = difference(script.expected(), store);
    script.next();
    script.done();
    const std::string one_more = difference(script.expected(), store);
    EXPECT_TRUE(acknowledged.empty() || one_more.empty())
        << "after " << progress.batches << " batches: " << acknowledged << "; or " << one_more;
    const bool was_open = progress.incarnation[0] != 0;
    EXPECT_TRUE(!was_open || store.incarnation() == progress.incarnation) << told;
  }

  std::filesystem::path fresh(const std::string& name) const {
    std::filesystem::remove_all(directory() / name);
    std::filesystem::create_directory(directory() / name);
    return directory() / name;
  }

  // How many operations the script of "seed" takes.
  std::uint64_t operations(std::uint64_t seed) const {
    Progress progress;
    const PowerVfs disk;
    EXPECT_TRUE(run(seed, fresh("whole"), progress));
    return disk.operations();
  }

  // One use that ends at operation "end" by a loss of power.
  void cut(std::uint64_t seed, std::uint64_t end) const {
    const auto lost = fresh("lost");
    const auto left = fresh("left");
    Progress progress;
    {
      PowerVfs disk;
      disk.end_at(end, PowerVfs::End::power);
      run(seed, lost, progress);
      std::mt19937_64 random(seed * 1'000'003 + end);
      disk.leave_in(left, random);
    }
    check(seed, left, progress);
  }

  // One use in a child that is killed at operation "end".
  void kill(std::uint64_t seed, std::uint64_t end) const {
    const auto place = fresh("killed");
    void* shared = ::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    auto& progress = *new (shared) Progress;
    const pid_t child = ::fork();
    if (child == 0) {
      PowerVfs disk;
      disk.end_at(end, PowerVfs::End::kill);
      run(seed, place, progress);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status)) << "it was not killed";
    check(seed, place, progress);
    ::munmap(shared, sizeof(Progress));
  }

  // "count" ends, at operations chosen at random.
  void each_end(std::uint64_t count, const std::function<void(std::uint64_t, std::uint64_t)>& end) {
    const std::uint64_t seed = number_of("DOMED_SEED", std::random_device()());
    std::mt19937_64 random(seed);
    constexpr std::uint64_t kEndsOfAScript = 50;
    std::uint64_t script = 0, all = 0;
    for (std::uint64_t i = 0; i < count && !HasFailure(); ++i) {
      if (i % kEndsOfAScript == 0) all = operations(script = random());
      const std::uint64_t at = 1 + random() % all;
      SCOPED_TRACE("DOMED_SEED=" + std::to_string(seed) + ", end " + std::to_string(i) +
                   ": script " + std::to_string(script) + " at operation " + std::to_string(at));
      try {
        end(script, at);
      } catch (const domed::Error& error) {
        ADD_FAILURE() << error.what();
      }
    }
  }
};

// A use in which a copy of an older state is put back.  What the power leaves is the one state
// or the other, whole.
TEST_F(SqliteEnds, LossOfPowerLeavesTheOldOrTheRestored) {
  struct Quiet final : domed::Progress {
    bool at(std::uint64_t, std::uint64_t) override { return true; }
  } quiet;
  const std::uint64_t seed = number_of("DOMED_SEED", std::random_device()());
  SCOPED_TRACE("DOMED_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const int old_states = 2;
  std::uint64_t begin = 0, end = 0;
  int states[old_states] = {};
  for (std::uint64_t i = 0; i < number_of("DOMED_CUTS", 300) / 5 && !HasFailure(); ++i) {
    const auto lost = fresh("lost"), left = fresh("left");
    const int fd = ::open(directory().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    Script copied(seed), now(seed);
    std::string incarnation;
    {
      PowerVfs disk;
      const auto fill = [&](StoreSqlite& store, Script& script, int batches) {
        for (int batch = 0; batch < batches; ++batch) {
          store.commit(script.next());
          script.done();
        }
      };
      {
        StoreSqlite store(settings(lost));
        incarnation = store.incarnation();
        fill(store, now, 40);
        for (int batch = 0; batch < 40; ++batch) copied.next(), copied.done();
        store.backup(fd, quiet);
        fill(store, now, 20);
        begin = disk.operations();
        if (end != 0) disk.end_at(begin + 1 + random() % (end - begin), PowerVfs::End::power);
        try {
          store.restore(fd, quiet);
        } catch (const domed::Error&) {
        }
      }
      if (end == 0) end = disk.operations();  // the first time it is not cut
      disk.leave_in(left, random);
    }
    ::close(fd);
    const PowerVfs without_syncs;
    const StoreSqlite store(settings(left));
    const bool is_old = difference(now.expected(), store).empty();
    const bool is_new = difference(copied.expected(), store).empty();
    ++states[is_new ? 1 : 0];
    EXPECT_TRUE(is_old || is_new) << "neither is there";
    EXPECT_EQ(is_old, store.incarnation() == incarnation);
  }
  EXPECT_LT(0, states[0]);
  EXPECT_LT(0, states[1]);
}

TEST_F(SqliteEnds, LossOfPowerLosesNothingAcknowledged) {
  each_end(number_of("DOMED_CUTS", 300),
           [&](std::uint64_t seed, std::uint64_t end) { cut(seed, end); });
}

TEST_F(SqliteEnds, KillLosesNothingAndIsNoFalseAlarm) {
  each_end(number_of("DOMED_CUTS", 300) / 2,
           [&](std::uint64_t seed, std::uint64_t end) { kill(seed, end); });
}

}  // namespace
}  // namespace store_tests

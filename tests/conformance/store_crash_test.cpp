#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <random>

#include "store_fixture.h"

namespace conformance {
namespace {

constexpr int kJobs = 3;

std::string id(int job) {
  return "j" + std::to_string(job);
}

// A process that commits to a store in "directory" until it is killed, and
// writes one byte to a pipe after every batch that commit() acknowledged.
class Victim {
 public:
  Victim(const std::filesystem::path& directory, std::vector<std::uint64_t> heads) {
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    child_ = ::fork();
    if (child_ == 0) {
      ::close(ends[0]);
      run(directory, std::move(heads), ends[1]);
    }
    ::close(ends[1]);
    acknowledged_ = ends[0];
  }
  Victim(const Victim&) = delete;
  Victim& operator=(const Victim&) = delete;
  ~Victim() { ::close(acknowledged_); }

  // Waits for "batches" acknowledgements; false: the process ended before.
  bool wait_for(int batches) {
    char byte;
    for (; batches > 0; --batches)
      if (::read(acknowledged_, &byte, 1) != 1) return false;
    return true;
  }

  // Kills it; the number of acknowledgements that nobody waited for.
  int kill() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    int rest = 0;
    for (char byte; ::read(acknowledged_, &byte, 1) == 1;) ++rest;
    return rest;
  }

 private:
  [[noreturn]] static void run(const std::filesystem::path& directory,
                               std::vector<std::uint64_t> heads, int acknowledge) {
    try {
      const auto store = make_store(directory);
      for (;;) {
        std::vector<Draft> drafts;
        for (int job = 0; job < kJobs; ++job) {
          auto& head = heads[static_cast<std::size_t>(job)];
          drafts.push_back(append_of(id(job), head, 1 + head % 7));
          drafts.back().columns.created = job + 1;
          head += drafts.back().ends.size();
        }
        for (const EntryResult& result : commit(*store, drafts))
          if (result.outcome != Outcome::done) ::_exit(3);
        if (::write(acknowledge, "+", 1) != 1) ::_exit(4);
      }
    } catch (...) {
      ::_exit(5);
    }
  }

  pid_t child_ = -1;
  int acknowledged_ = -1;
};

class StoreCrash : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    if (!is_durable()) NOT_APPLICABLE("the store's durability is none");
  }

  // The head after "batches" further batches.
  static std::uint64_t later(std::uint64_t head, int batches) {
    for (; batches > 0; --batches) head += 1 + head % 7;
    return head;
  }

  // What was acknowledged is there, at most one batch more, and nothing else.
  void check(int job, std::uint64_t& head, int batches) {
    const std::uint64_t least = later(head, batches);
    const auto record = store().find(id(job));
    head = record ? record->head_seq : 0;
    EXPECT_TRUE(head == least || head == later(least, 1))
        << "head " << head << ", acknowledged " << least;
    if (!record) return;
    EXPECT_EQ("head " + std::to_string(head), record->head);
    EXPECT_EQ(lines_of(id(job), 1, head), read_all(id(job)));
  }
};

TEST_F(StoreCrash, AcknowledgedCommitsSurviveKill) {
  SCOPED_TRACE("repeat with --seed " + std::to_string(target.seed));
  std::mt19937 random(target.seed);
  std::vector<std::uint64_t> heads(kJobs, 0);
  for (int round = 0; round < 12; ++round) {
    close();  // the child is to be the only one that has the store open
    Victim victim(directory(), heads);
    int batches = static_cast<int>(random() % 25);
    ASSERT_TRUE(victim.wait_for(batches)) << "the child could not commit";
    ::usleep(random() % 2000);  // somewhere inside a commit, whatever the machine's speed
    batches += victim.kill();
    open();
    for (int job = 0; job < kJobs; ++job) check(job, heads[static_cast<std::size_t>(job)], batches);
  }
}

}  // namespace
}  // namespace conformance

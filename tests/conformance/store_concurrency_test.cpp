#include <atomic>
#include <thread>

#include "store_fixture.h"

namespace conformance {
namespace {

// Readers run while one thread commits.  Every entry has five events and says
// in "head" which seq is its last, so that a half-visible entry shows.
class StoreConcurrency : public StoreTest {
 protected:
  static constexpr std::uint64_t kStep = 5;
  static constexpr int kCommits = 150;
  static constexpr int kJobs = 3;

  static std::string id(int job) { return "j" + std::to_string(job); }

  // Commits kCommits batches over all jobs, each then announced in "visible_".
  void write() {
    for (int i = 0; i < kCommits; ++i) {
      std::vector<Draft> drafts;
      for (int job = 0; job < kJobs; ++job)
        drafts.push_back(next(job, kStep * static_cast<std::uint64_t>(i)));
      for (const EntryResult& result : commit(store(), drafts)) EXPECT_DONE(result);
      visible_ = kStep * static_cast<std::uint64_t>(i + 1);
    }
    finished_ = true;
  }

  Draft next(int job, std::uint64_t head) {
    Draft draft = append_of(id(job), head, kStep);
    return head == 0 ? created(draft) : draft;
  }

  // One look at a job: what was announced is there, and all of it is whole.
  void look(int job, std::uint64_t& last_head) {
    const std::uint64_t visible = visible_;
    const auto slice = store().read(id(job), last_head + 1, 1'000'000, 1 << 30);
    if (!slice) {
      EXPECT_EQ(0u, visible);
      return;
    }
    EXPECT_GE(slice->job.head_seq, visible) << "a commit that had returned is not visible";
    EXPECT_EQ(0u, slice->job.head_seq % kStep) << "half an entry is visible";
    EXPECT_EQ("head " + std::to_string(slice->job.head_seq), slice->job.head);
    EXPECT_EQ(lines_of(id(job), last_head + 1, slice->job.head_seq), lines_in(*slice));
    last_head = slice->job.head_seq;
  }

  void read_until_the_end(int job) {
    std::uint64_t last_head = 0;
    while (!finished_ && !HasFailure()) look(job, last_head);
    look(job, last_head);
    EXPECT_EQ(kStep * kCommits, last_head);
  }

  std::atomic<std::uint64_t> visible_{0};
  std::atomic<bool> finished_{false};
};

TEST_F(StoreConcurrency, ReadersSeeWholeCommitsOnly) {
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) readers.emplace_back([this, i] { read_until_the_end(i % kJobs); });
  write();
  for (std::thread& reader : readers) reader.join();
}

TEST_F(StoreConcurrency, ListsAndRecordsStayWhole) {
  std::thread reader([this] {
    while (!finished_ && !HasFailure())
      for (const JobRecord& job : store().list({}))
        EXPECT_EQ("head " + std::to_string(job.head_seq), job.head);
  });
  std::thread finder([this] {
    while (!finished_ && !HasFailure()) {
      const auto job = store().find("j1");
      EXPECT_TRUE(!job || job->head == "head " + std::to_string(job->head_seq));
    }
  });
  write();
  reader.join();
  finder.join();
}

TEST_F(StoreConcurrency, TrimsAreSeenWholeToo) {
  make_job("t", 200);
  std::thread reader([this] {
    std::uint64_t first = 1;
    while (first < 201 && !HasFailure()) {
      const Slice slice = read("t", 1);
      EXPECT_GE(slice.job.first_seq, first);
      first = slice.job.first_seq;
      EXPECT_EQ(lines_of("t", first, 200), lines_in(slice));
    }
  });
  for (std::uint64_t first = 2; first <= 201; ++first)
    EXPECT_DONE(commit_one(trim_of("t", 200, first)));
  reader.join();
}

TEST_F(StoreConcurrency, MoreReadersThanTheStoreMayHaveConnections) {
  make_job("j", 50);
  std::vector<std::thread> readers;
  for (int i = 0; i < 16; ++i)
    readers.emplace_back([this] {
      for (int n = 0; n < 50; ++n) EXPECT_EQ(lines_of("j", 1, 50), read_all("j"));
    });
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace conformance

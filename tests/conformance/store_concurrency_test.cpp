#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ctime>
#include <mutex>
#include <thread>

#include "disturbance.h"
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

  // Commits kCommits batches over all jobs, each then announced in "visible_".  Readers
  // look between any two, however fast the store.
  void write() {
    Disturbance disturbance(kCommits / 6);
    for (int i = 0; i < kCommits; ++i) {
      disturbance.step();
      for (const auto looks = looks_.load(); looks_ == looks && !HasFailure();)
        std::this_thread::yield();
      std::vector<Draft> drafts;
      for (int job = 0; job < kJobs; ++job)
        drafts.push_back(next(job, kStep * static_cast<std::uint64_t>(i)));
      for (const Outcome result : commit(drafts)) EXPECT_DONE(result);
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
    ++looks_;
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

  std::atomic<std::uint64_t> visible_{0}, looks_{0};
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
    for (; !finished_ && !HasFailure(); ++looks_)
      for (const JobRecord& job : listed(store()))
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
  for (std::uint64_t first = 2; first <= 201; ++first) EXPECT_DONE(commit_one(trim_of("t", first)));
  reader.join();
}

// A job that is made, grows, is purged and dropped, again and again.  Every line
// names its generation, so that remains of another one show.
class StoreGenerations : public StoreConcurrency {
 protected:
  static constexpr int kGenerations = 60;

  static Draft grown(int generation, std::uint64_t head) {
    Draft draft = append_of("g", head, 0);
    for (std::uint64_t seq = head + 1; seq <= head + kStep; ++seq)
      draft.add(line_of("g" + std::to_string(generation), seq));
    draft.head = std::to_string(generation);
    if (head == 0) draft.fixed = draft.head;
    return draft;
  }

  void live(int generation) {
    EXPECT_DONE(commit_one(created(grown(generation, 0))));
    EXPECT_DONE(commit_one(grown(generation, kStep)));
    Draft purge = purge_of("g");
    purge.head = std::to_string(generation);
    EXPECT_DONE(commit_one(purge));
    EXPECT_DONE(commit_one(drop_of("g")));
  }

  // The job is one of one generation, whole, or not there.
  static void check(const std::optional<Slice>& slice) {
    if (!slice) return;
    const std::uint64_t head = slice->job.head_seq;
    const Lines whole = lines_of("g" + slice->job.head, 1, head);
    EXPECT_TRUE(head == kStep || head == 2 * kStep) << "half an entry is visible: head " << head;
    EXPECT_EQ(slice->job.tombstone ? Lines{} : whole, lines_in(*slice));
    EXPECT_EQ(slice->job.tombstone ? head + 1 : 1, slice->job.first_seq);
  }

  static void check(const std::optional<JobRecord>& job) {
    const std::string fixed = job ? job->fixed : "";
    EXPECT_EQ(job && !job->tombstone ? job->head : "", fixed);
  }
};

TEST_F(StoreGenerations, AreSeenWholeFromCreationToDrop) {
  std::vector<std::thread> readers;
  const auto read_with = [&](auto look) {
    readers.emplace_back([this, look] {
      while (!finished_ && !HasFailure()) look();
    });
  };
  read_with([this] { check(store().read("g", 1, 1000, 1 << 20)); });
  read_with([this] { check(store().find("g")); });
  read_with([this] {
    for (const bool tombstones : {false, true})
      for (const JobRecord& job : listed(store(), {.tombstones = tombstones})) {
        EXPECT_EQ(tombstones, job.tombstone);
        check(std::optional(job));
      }
  });
  Disturbance disturbance(kGenerations / 6);
  for (int generation = 1; generation <= kGenerations; ++generation) {
    disturbance.step();
    live(generation);
  }
  finished_ = true;
  for (std::thread& reader : readers) reader.join();
}

// One thread reads as fast as it can while another commits.  In a store whose
// readers wait for a commit, the time between the end of one read and the end of
// the next is once about as long as an undisturbed commit, every time; in
// another, some commit soon has many reads inside and none that is late.  Only
// these two are compared, so the machine's speed does not matter; nor does its
// load, because a reader whose processor was taken did not wait for a commit.
class StoreReadsMeanwhile : public StoreConcurrency {
 protected:
  using Clock = std::chrono::steady_clock;

  // What passed for the calling thread: of its own doing its processor time, and
  // all the time where it let go of the processor to wait.
  class Passed {
   public:
    Clock::duration operator()() {
      const auto now = Clock::now();
      const auto processor = processor_time();
      const auto waits = times_waited();
      const auto passed = waits == waits_ ? processor - processor_ : now - last_;
      last_ = now;
      processor_ = processor;
      waits_ = waits;
      return passed;
    }

   private:
    static Clock::duration processor_time() {
      timespec time{};
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
      return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
    }
    static long times_waited() {
      rusage usage{};
      ::getrusage(RUSAGE_THREAD, &usage);
      return usage.ru_nvcsw;
    }

    Clock::time_point last_ = Clock::now();
    Clock::duration processor_ = processor_time();
    long waits_ = times_waited();
  };
  static constexpr int kEnough = 10;
  static constexpr std::size_t kAttempts = 400;

  // Reads that met one commit.
  struct Met {
    int inside = 0;              // ended, like the one before, while it was under way
    Clock::duration longest{0};  // from the end of one to the end of the next
    Clock::duration took{0};     // the commit
  };

  void SetUp() override {
    StoreConcurrency::SetUp();
    make_job("j", 10);
    // Long enough to dwarf what a scheduler takes from a thread.
    Draft draft;
    draft.add(std::string(domed::kMaxEntryBytes - 1, 'x'));
    much_.assign(64, draft);
  }

  // Commits a large batch and takes it back; how long the commit took.
  Clock::duration commit_much() {
    std::vector<Draft> purges;
    for (Draft& draft : much_) {
      draft.job_id = "large" + std::to_string(++made_);
      draft.expected_revision = "";
      draft.revision = new_revision();
      draft = created(std::move(draft));
      purges.push_back(against(draft.revision, purge_of(draft.job_id)));
    }
    const auto begin = Clock::now();
    ++commit_;
    conformance::commit(store(), much_);  // with nothing of the suite's own beside it
    ++commit_;
    const auto end = Clock::now();
    commit(purges);
    return end - begin;
  }

  void read_on() {
    int before = commit_;
    for (Passed passed; !finished_;) {
      EXPECT_EQ(lines_of("j", 1, 10), read_all("j"));
      const int after = commit_;
      note(before, after, passed());
      before = after;
      ++reads_;
      reads_.notify_one();
    }
  }

  void note(int before, int after, Clock::duration time) {
    if (before == after && before % 2 == 0) return;
    const std::lock_guard lock(mutex_);
    if (before == after) ++met_.inside;
    met_.longest = std::max(met_.longest, time);
  }

  // What the reads of one more commit met, the last of them included.
  Met meet_one() {
    {
      const std::lock_guard lock(mutex_);
      met_ = {};
    }
    const auto took = commit_much();
    for (int i = 0, reads = reads_; i < 2; ++i, reads = reads_) reads_.wait(reads);
    const std::lock_guard lock(mutex_);
    met_.took = took;
    return met_;
  }

  std::vector<Draft> much_;
  int made_ = 0;
  std::atomic<int> commit_{0};  // odd: one is under way
  std::atomic<int> reads_{0};
  std::mutex mutex_;
  Met met_;
};

TEST_F(StoreReadsMeanwhile, FinishWhileACommitIsUnderWay) {
  auto shortest = commit_much();
  for (int i = 0; i < 9; ++i) shortest = std::min(shortest, commit_much());
  std::thread reader([this] { read_on(); });
  // All are judged by the shortest commit of all, however late it came: on a busy machine the
  // first ten may have been slow.
  std::vector<Met> all;
  std::ptrdiff_t met = 0;
  while (all.size() < kAttempts && (all.size() < 10 || met < 2)) {
    all.push_back(meet_one());
    shortest = std::min(shortest, all.back().took);
    met = std::count_if(all.begin(), all.end(), [&](const Met& one) {
      return one.inside >= kEnough && one.longest < shortest / 4;
    });
  }
  finished_ = true;
  reader.join();
  EXPECT_LE(2, met) << "reads wait for the commit that is under way";
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

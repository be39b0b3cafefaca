#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "domed/backup.h"
#include "operations.h"

namespace conformance {
namespace {

namespace fs = std::filesystem;

struct Heard final : domed::Progress {
  explicit Heard(int most = 1 << 30) : most_(most) {}
  bool at(std::uint64_t done_bytes, std::uint64_t total_bytes) override {
    EXPECT_LE(done_bytes, total_bytes);
    EXPECT_GE(done_bytes, done) << "the work goes backward";
    done = done_bytes;
    return ++times <= most_;
  }
  std::uint64_t done = 0;
  int times = 0;

 private:
  const int most_;  // then it breaks off
};

// A descriptor of a file that the test owns.
class Copy {
 public:
  explicit Copy(const fs::path& path)
      : path_(path), fd_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (fd_ < 0) throw domed::Error(Code::io, "cannot open " + path.string());
  }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  ~Copy() { ::close(fd_); }
  int fd() const { return fd_; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  int fd_;
};

domed::Backup& facet_of(domed::Store& store) {
  return dynamic_cast<domed::Backup&>(plugin_object(store));
}

class StoreBackup : public StoreTest {
 protected:
  void backup(const Copy& copy) {
    Heard heard;
    facet_of(store()).backup(copy.fd(), heard);
    EXPECT_GE(heard.times, 1) << "nobody was told how far it has come";
  }

  // Puts "copy" in the place of what "directory" holds; the store as it is then.
  static std::unique_ptr<domed::Store> restored(const Copy& copy, const fs::path& directory) {
    auto old = make_store(directory);
    Heard heard;
    facet_of(*old).restore(copy.fd(), heard);
    EXPECT_GE(heard.times, 1) << "nobody was told how far it has come";
    old.reset();
    return make_store(directory);
  }

  // What every restore() of "copy" must leave alone, and does with Error of one of "codes".
  void expect_refused(const Copy& copy, const std::vector<Code>& codes, int most = 1 << 30) {
    const std::string incarnation = store().incarnation();
    try {
      Heard heard(most);
      facet_of(store()).restore(copy.fd(), heard);
      ADD_FAILURE() << "it was taken for a copy";
    } catch (const domed::Error& error) {
      EXPECT_TRUE(std::count(codes.begin(), codes.end(), error.code()))
          << text_of(error.code()) << ": " << error.what();
    }
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(incarnation, store().incarnation());
      EXPECT_EQ("", difference(model_.find("j"), store(), "j"));
      EXPECT_EQ("", difference(model_.find("k"), store(), "k"));
      close();
      open();
    }
  }

  void apply(Draft draft) {
    if (!draft.expected_revision)
      draft.expected_revision = model_.find(draft.job_id)->record.revision;
    draft.revision = new_revision();
    EXPECT_DONE(commit_one(draft));
    EXPECT_EQ(Outcomes{Outcome::done}, model_.commit({draft}).value_or(Outcomes{}));
  }

  // Jobs of all kinds.
  void fill() {
    Draft draft = created(append_of("j", 0, 50));
    draft.columns.tags = {"t=1", "t=2"};
    draft.columns.unfinished = true;
    apply(draft);
    apply(created(append_of("k", 0, 5)));
    apply(trim_of("k", 3));
    apply(created(append_of("gone", 0, 5)));
    apply(purge_of("gone"));
    Draft large = created(append_of("large", 0, 0));
    for (std::uint64_t seq = 1; seq < 60; ++seq) large.add(line_of("large", seq, 8000));
    apply(large);
  }

  Scratch files_;
  Model model_;
};

TEST_F(StoreBackup, HoldsEverything) {
  fill();
  const Copy copy(files_.path() / "copy");
  backup(copy);
  const Scratch other;
  const auto store = restored(copy, other.path());
  for (const auto& [id, job] : model_.jobs()) EXPECT_EQ("", difference(&job, *store, id)) << id;
  EXPECT_EQ(3u, listed(*store, {}).size());
  EXPECT_EQ(1u, listed(*store, {.tags = {"t=1", "t=2"}}).size());
  EXPECT_EQ(1u, listed(*store, {.unfinished = true}).size());
  EXPECT_EQ(1u, listed(*store, {.tombstones = true}).size());
}

TEST_F(StoreBackup, HoldsTheNewestCommit) {
  for (int i = 0; i < 5; ++i) {
    const std::string id = "j" + std::to_string(i);
    apply(created(append_of(id, 0, 3)));
    const Copy copy(files_.path() / id);
    backup(copy);
    const Scratch other;
    EXPECT_EQ("", difference(model_.find(id), *restored(copy, other.path()), id));
  }
}

TEST_F(StoreBackup, LeavesTheStoreAsItWas) {
  fill();
  const std::string incarnation = store().incarnation();
  const Copy copy(files_.path() / "copy");
  backup(copy);
  EXPECT_EQ(incarnation, store().incarnation());
  apply(append_of("j", 50, 3));
  EXPECT_EQ("", difference(model_.find("j"), store(), "j"));
}

TEST_F(StoreBackup, IsWrittenWhereTheDescriptorSays) {
  fill();
  const Copy copy(files_.path() / "copy");
  fs::remove(copy.path());  // a file need not have a name
  backup(copy);
  EXPECT_TRUE(fs::is_empty(files_.path()));
  const Scratch other;
  EXPECT_EQ("", difference(model_.find("j"), *restored(copy, other.path()), "j"));
}

TEST_F(StoreBackup, IsConsistentWhileCommitsGoOn) {
  constexpr std::uint64_t kStep = 5;
  make_job("a", kStep);
  make_job("b", kStep);
  std::atomic<std::uint64_t> done{kStep};
  std::atomic<bool> finished{false};
  std::thread writer([&] {
    for (std::uint64_t head = kStep; !finished && !HasFailure(); head += kStep) {
      for (const Outcome outcome :
           commit({append_of("a", head, kStep), append_of("b", head, kStep)}))
        EXPECT_DONE(outcome);
      done = head + kStep;
    }
  });
  std::vector<std::uint64_t> least;
  for (int i = 0; i < 3; ++i) {
    const auto before = done.load();
    while (done < before + 10 * kStep && !HasFailure()) std::this_thread::yield();
    least.push_back(done);
    const Copy copy(files_.path() / std::to_string(i));
    backup(copy);
  }
  finished = true;
  writer.join();
  for (int i = 0; i < 3; ++i) {
    const Scratch other;
    const auto store = restored(Copy(files_.path() / std::to_string(i)), other.path());
    for (const char* id : {"a", "b"}) {
      const Slice slice = store->read(id, 1, 1'000'000, 1 << 30).value_or(Slice{});
      const std::uint64_t head = slice.job.head_seq;
      EXPECT_GE(head, least[static_cast<std::size_t>(i)])
          << "a commit that had returned is not in it";
      EXPECT_EQ(0u, head % kStep) << "half an entry is in it";
      EXPECT_EQ("head " + std::to_string(head), slice.job.head);
      EXPECT_EQ(lines_of(id, 1, head), lines_in(slice));
    }
  }
}

TEST_F(StoreBackup, RestoreReplacesEverything) {
  fill();
  const Copy copy(files_.path() / "copy");
  backup(copy);
  apply(append_of("j", 50, 3));
  make_job("later", 3);
  close();
  const auto store = restored(copy, directory());
  EXPECT_FALSE(store->find("later").has_value());
  EXPECT_EQ(50u, store->find("j").value_or(JobRecord{}).head_seq);
  EXPECT_EQ("", difference(model_.find("k"), *store, "k"));
}

TEST_F(StoreBackup, RestoreIsANewIncarnation) {
  fill();
  const std::string first = store().incarnation();
  const Copy copy(files_.path() / "copy");
  backup(copy);
  close();
  const std::string second = restored(copy, directory())->incarnation();
  EXPECT_NE(first, second);
  EXPECT_EQ(second, make_store(directory())->incarnation());
  const std::string third = restored(copy, directory())->incarnation();
  EXPECT_NE(second, third) << "the same copy a second time";
  EXPECT_NE(first, third);
}

TEST_F(StoreBackup, ARestoredStoreGoesOn) {
  fill();
  const Copy copy(files_.path() / "copy");
  backup(copy);
  close();
  auto store = restored(copy, directory());
  Writer writer;
  const auto seen = store->find("j").value_or(JobRecord{}).revision;
  EXPECT_EQ(Outcomes{Outcome::done}, writer.commit(*store, {against(seen, append_of("j", 50, 2))}));
  store.reset();
  open();
  EXPECT_EQ(lines_of("j", 1, 52), read_all("j"));
}

TEST_F(StoreBackup, WhatIsNoCopyIsRefusedWithNothingChanged) {
  fill();
  const Copy good(files_.path() / "good"), empty(files_.path() / "empty"),
      other(files_.path() / "other"), cut(files_.path() / "cut");
  backup(good);
  std::ofstream(other.path()) << std::string(100'000, 'x');
  fs::copy_file(good.path(), cut.path(), fs::copy_options::overwrite_existing);
  ASSERT_EQ(0, ::truncate(cut.path().c_str(), static_cast<off_t>(fs::file_size(good.path()) / 2)));
  for (const Copy* copy : {&empty, &other, &cut})
    expect_refused(*copy, {Code::corruption, Code::unsupported});
}

TEST_F(StoreBackup, EitherIsBrokenOffByWhoeverHearsOfIt) {
  fill();
  const Copy good(files_.path() / "good"), other(files_.path() / "other");
  backup(good);
  expect_error(Code::unsupported, [&] {
    Heard heard(0);
    facet_of(store()).backup(other.fd(), heard);
  });
  EXPECT_EQ("", difference(model_.find("j"), store(), "j"));
  apply(append_of("j", 50, 3));  // which the copy does not have
  expect_refused(good, {Code::unsupported}, 0);
}

}  // namespace
}  // namespace conformance

#include <algorithm>
#include <fstream>
#include <map>
#include <numeric>
#include <set>
#include <sstream>

#include "child.h"
#include "log/checked_store.h"
#include "operations.h"
#include "subject.h"
#include "watchdog.h"

namespace conformance {
namespace {

namespace fs = std::filesystem;

// The files of a store, as they were.
class Files {
 public:
  explicit Files(const fs::path& directory) : directory_(directory) {
    for (const auto& entry : fs::recursive_directory_iterator(directory))
      if (entry.is_regular_file()) {
        std::ostringstream bytes;
        bytes << std::ifstream(entry.path(), std::ios::binary).rdbuf();
        files_[entry.path()] = bytes.str();
      }
  }

  std::size_t bytes() const {
    std::size_t sum = 0;
    for (const auto& [path, bytes] : files_) sum += bytes.size();
    return sum;
  }

  // Where, of all bytes, each block of 4 KiB begins: there engines say what a block is.
  std::vector<std::size_t> blocks() const {
    std::vector<std::size_t> out;
    for (std::size_t begin = 0; const auto& [path, bytes] : files_) {
      for (std::size_t at = 0; at < bytes.size(); at += 4096) out.push_back(begin + at);
      begin += bytes.size();
    }
    return out;
  }

  // Where "text" begins, wherever it stands.
  std::vector<std::size_t> places_of(const std::string& text) const {
    std::vector<std::size_t> out;
    for (std::size_t begin = 0; const auto& [path, bytes] : files_) {
      for (auto at = bytes.find(text); at != std::string::npos; at = bytes.find(text, at + 1))
        out.push_back(begin + at);
      begin += bytes.size();
    }
    return out;
  }

  // Puts all back, in place, but for the byte "at" of all, which "mask" changes; where it is.
  std::string put_back(std::size_t at, char mask) const {
    remove_others();
    std::string where;
    for (const auto& [path, good] : files_) {
      std::string bytes = good;
      if (where.empty() && at < bytes.size()) {
        bytes[at] = static_cast<char>(bytes[at] ^ mask);
        where = "byte " + std::to_string(at) + " of " + path.filename().string();
      }
      at -= where.empty() ? bytes.size() : 0;
      std::ofstream(path, std::ios::binary) << bytes;
    }
    return where;
  }

 private:
  void remove_others() const {
    std::vector<fs::path> others;
    for (const auto& entry : fs::recursive_directory_iterator(directory_))
      if (!entry.is_directory() && !files_.contains(entry.path())) others.push_back(entry.path());
    for (const fs::path& path : others) fs::remove(path);
  }

  fs::path directory_;
  std::map<fs::path, std::string> files_;
};

// What a damaged store shows, through the kernel's checks, beside what was committed.  An
// error is an answer; so is a record that contradicts itself, which the kernel refuses.
class Examination {
 public:
  Examination(const Model& model, const domed::Store& store) : model_(model), store_(store) {}

  // What is wrong; empty: nothing.
  std::string run() {
    for (const auto& [id, job] : model_.jobs()) examine(id, job);
    for (const bool tombstones : {false, true}) guarded([&] { examine_list(tombstones); });
    return wrong_;
  }
  // The jobs that are shorter, or gone, without a word.
  std::size_t silent() const { return silent_.size(); }
  // The jobs that a list leaves out without a word.
  std::size_t unlisted() const { return unlisted_; }

 private:
  void note(const std::string& what) {
    if (wrong_.find(what) == std::string::npos) wrong_ += what + "; ";
  }

  template <class Action>
  void guarded(Action&& action) try {
    action();
  } catch (const domed::Error& error) {
    if (error.code() != Code::corruption && error.code() != Code::io &&
        error.code() != Code::unsupported)
      note("threw " + text_of(error.code()) + ": " + error.what());
  }

  void examine(const std::string& id, const Model::Job& job) {
    guarded([&] {
      const auto record = store_.find(id);
      if (!record) silent_.insert(id);
      if (record) check(*record, "find");
    });
    guarded([&] { page_forward(id, job); });
    guarded([&] { page_backward(id, job); });
  }

  void check(const JobRecord& record, const char* method) {
    if (record.head.empty()) return;  // told
    const Model::Job* job = model_.find(record.job_id);
    if (!job) return note(std::string(method) + " shows a job that never was");
    if (record.head != job->record.head) note(std::string(method) + " shows another head");
    if (!record.fixed.empty() && record.fixed != job->record.fixed)
      note(std::string(method) + " shows another 'fixed'");
  }

  // A record that is shown as damaged tells of one job, under whatever id.
  void examine_list(bool tombstones) {
    std::set<std::string> told;
    for (const JobRecord& record : store_.list({.limit = 1000, .tombstones = tombstones}).jobs) {
      check(record, "list");
      told.insert(record.job_id);
    }
    std::size_t expected = 0;
    for (const auto& [id, job] : model_.jobs()) expected += job.record.tombstone == tombstones;
    unlisted_ += expected - std::min(expected, told.size());
  }

  // What of a job the kernel compares with what stands in "head".
  static bool contradicts(const JobRecord& record, const JobRecord& expected) {
    return record.head.empty() || record.head_seq != expected.head_seq ||
           record.first_seq != expected.first_seq || record.tombstone != expected.tombstone ||
           record.revision != expected.revision;
  }

  void page_forward(const std::string& id, const Model::Job& job) {
    std::uint64_t from = job.record.first_seq;
    while (from <= job.record.head_seq) {
      const auto slice = store_.read(id, from, 1000, 1 << 20, Direction::forward);
      if (!slice || slice->ends.empty()) {
        if (!slice || !contradicts(slice->job, job.record)) silent_.insert(id);
        return;
      }
      check_lines(job, *slice);
      from = slice->from + slice->ends.size();
    }
  }

  void page_backward(const std::string& id, const Model::Job& job) {
    const auto slice = store_.read(id, job.record.head_seq + 1, 1000, 1 << 20, Direction::backward);
    if (slice) check_lines(job, *slice);
  }

  void check_lines(const Model::Job& job, const Slice& slice) {
    std::uint64_t seq = slice.from;
    for (const std::string& line : lines_in(slice)) {
      const auto expected = job.lines.find(seq++);
      if (expected == job.lines.end() || expected->second != line)
        return note("event " + std::to_string(seq - 1) + " of '" + job.record.job_id + "' shows '" +
                    line.substr(0, 40) + "'");
    }
  }

  const Model& model_;
  const domed::Store& store_;
  std::set<std::string> silent_;
  std::size_t unlisted_ = 0;
  std::string wrong_;
};

// Each byte that a small store keeps is changed in turn, and the store opened on that.
class StoreDamage : public StoreTest {
 protected:
  enum class Sought { wrong_bytes, lost_jobs };

  void SetUp() override {
    StoreTest::SetUp();
    incarnation_ = store().incarnation();
    const auto with_seq = [](Draft draft) {
      draft.head = std::string("\2\0", 2) + draft.head;  // a head as the kernel's: none unsealed
      return draft;
    };
    for (int i = 0; i < 4; ++i) {
      const std::string id = "job-" + std::to_string(i);
      apply(with_seq(created(append_of(id, 0, 5))));
      apply(with_seq(append_of(id, 5, 2)));
    }
    apply(with_seq(trim_of("job-1", 3)));
    apply(with_seq(purge_of("job-2")));
    Draft large = with_seq(append_of("job-3", 7, 0));
    for (std::uint64_t seq = 8; seq < 12; ++seq) large.add(line_of("job-3", seq, 3000));
    apply(large);
  }

  // Through the kernel's checks, as everything that a store keeps.
  void apply(Draft draft) {
    domed::CheckedStore checked(store());
    if (!draft.expected_revision) draft.expected_revision = revisions_[draft.job_id];
    draft.revision = revisions_[draft.job_id] = new_revision();
    EXPECT_EQ(Outcomes{Outcome::done}, conformance::commit(checked, {draft}));
    EXPECT_EQ(Outcomes{Outcome::done}, model_.commit({draft}).value_or(Outcomes{}));
  }

  // Which bytes are changed, and by what: all, or as many as --steps asks for.  Whatever the seed,
  // those are among them by which each kind of thing is hit that a store has: the first byte of
  // each block, wholly, and one of each place where an id, a head, a 'fixed' or a line stands.
  std::map<std::size_t, char> places(const Files& files) {
    std::map<std::size_t, char> out;
    for (const std::size_t at : files.blocks()) out[at] = static_cast<char>(0xff);
    for (const auto& [id, job] : model_.jobs()) {
      std::vector<std::string> texts{id, job.record.head, job.record.fixed};
      for (const auto& [seq, line] : job.lines) texts.push_back(line);
      for (const std::string& text : texts)
        if (!text.empty())
          for (const std::size_t at : files.places_of(text))
            out.emplace(at + random_() % text.size(), mask());
    }
    std::vector<std::size_t> all(files.bytes());
    std::iota(all.begin(), all.end(), std::size_t{0});
    std::shuffle(all.begin(), all.end(), random_);
    for (const std::size_t at : all) {
      if (out.size() >= target.steps) break;
      out.emplace(at, mask());
    }
    return out;
  }
  char mask() { return static_cast<char>(1 + random_() % 255); }

  // What is wrong when the store is opened as its files are now.  "unlisted" becomes how many jobs
  // its lists leave out in silence.
  std::string opened(Sought sought, std::size_t* unlisted = nullptr) const {
    std::unique_ptr<domed::Store> store;
    try {
      store = make_store(directory());
    } catch (const domed::Error& error) {
      const Code code = error.code();
      const bool right = code == Code::corruption || code == Code::io || code == Code::unsupported;
      return right ? "" : "opening threw " + text_of(code) + ": " + error.what();
    }
    const domed::CheckedStore checked(*store);
    Examination examination(model_, checked);
    const std::string wrong = examination.run();
    if (sought == Sought::wrong_bytes) return wrong;
    const bool same = store->incarnation() == incarnation_;
    if (unlisted && same) *unlisted = examination.unlisted();
    // One byte belongs to one job at most, and nothing can be said of one whose id it hit.
    // What is lost under another name is lost aloud.
    if (examination.silent() < 2 || !same) return "";
    return std::to_string(examination.silent()) + " jobs are shorter, or gone, in silence";
  }

  void flip(const Files& files, Sought sought) {
    const auto all = places(files);
    // In a child: what crashes on damage is a finding, too.
    Child child([&](const Child::Say& say) {
      for (const auto& [at, mask] : all) {
        say(files.put_back(at, mask) + ", changed by " + std::to_string(mask));
        std::size_t unlisted = 0;
        if (const std::string wrong = opened(sought, &unlisted); !wrong.empty()) say("!" + wrong);
        if (unlisted > 1) say("?" + std::to_string(unlisted));
      }
      say("end");
    });
    int findings = 0;
    std::vector<std::string> unlisted;
    for (std::string where = "the first";;) {
      Watchdog::watch("StoreDamage");
      const auto line = child.hear();
      if (line == "end") break;
      if (!line) {
        ADD_FAILURE() << where << ": crashed or hung";
        break;
      }
      if (line->starts_with("!")) {
        ADD_FAILURE() << where << ": " << line->substr(1);
        if (++findings == 10) break;
      } else if (line->starts_with("?")) {
        unlisted.push_back(where + ": " + line->substr(1) + " jobs are in no list\n");
      } else {
        where = *line;
      }
    }
    expect_few(unlisted, all.size());
    std::printf("changed %zu of %zu bytes, repeat with --seed %llu\n", all.size(), files.bytes(),
                static_cast<unsigned long long>(target.seed));
  }

  // find() loses nothing, for a job that it misses would be made a second time.  A list is a
  // page of something: how many entries a page has is often a count in its head, and to check it
  // at every look costs more than it is worth while the jobs are found and a check of the whole
  // store tells (domed --check-store).  So a list may be cut short by a few bytes of all, not by
  // any entry that was hit.
  static void expect_few(const std::vector<std::string>& unlisted, std::size_t changed) {
    std::string all;
    for (const std::string& where : unlisted) all += where;
    EXPECT_GE(1 + changed / kFew, unlisted.size()) << all;
  }
  static constexpr std::size_t kFew = 5000;

  Model model_;
  std::map<std::string, std::string> revisions_;
  std::string incarnation_;
  std::mt19937_64 random_{target.seed};
};

TEST_F(StoreDamage, OfAClosedStoreShowsNoWrongByte) {
  close();
  const Files files(directory());
  if (files.bytes() == 0) GTEST_SKIP() << "the store keeps no file in its scratch directory";
  EXPECT_EQ("", opened(Sought::wrong_bytes)) << "undamaged";
  EXPECT_EQ("", opened(Sought::lost_jobs)) << "undamaged";
  flip(files, Sought::wrong_bytes);
}

TEST_F(StoreDamage, OfAKilledStoreShowsNoWrongByte) {
  // The files of a store that is open are those that a killed process leaves.
  const Files files(directory());
  if (files.bytes() == 0) GTEST_SKIP() << "the store keeps no file in its scratch directory";
  close();
  flip(files, Sought::wrong_bytes);
}

TEST_F(StoreDamage, CostsOneJobAtMostInSilence) {
  close();
  const Files files(directory());
  if (files.bytes() == 0) GTEST_SKIP() << "the store keeps no file in its scratch directory";
  flip(files, Sought::lost_jobs);
}

}  // namespace
}  // namespace conformance

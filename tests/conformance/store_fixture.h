#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "domed/error.h"
#include "domed/store.h"
#include "target.h"

namespace domed {

// How GoogleTest shows them.
inline void PrintTo(Outcome outcome, std::ostream* out) {
  static const char* const kNames[] = {"done", "conflict", "unknown"};
  *out << kNames[static_cast<int>(outcome)];
}
inline void PrintTo(Direction direction, std::ostream* out) {
  *out << (direction == Direction::forward ? "forward" : "backward");
}

}  // namespace domed

namespace conformance {

using domed::Code;
using domed::Direction;
using domed::Durability;
using domed::Entry;
using domed::JobColumns;
using domed::JobRecord;
using domed::ListQuery;
using domed::Outcome;
using domed::Slice;
using Lines = std::vector<std::string>;  // without their LF
using Outcomes = std::vector<Outcome>;

// An entry that owns its bytes.
struct Draft {
  Entry::Action action = Entry::Action::append;
  std::string job_id;
  std::optional<std::string> expected_revision;  // empty: creates; absent: see Writer
  std::string revision;                          // empty: see Writer
  std::uint64_t base = 0;
  std::string events;
  std::vector<std::uint32_t> ends;
  std::uint64_t first_seq = 0;
  std::optional<std::string> fixed;
  std::string head;
  JobColumns columns;

  Entry entry() const;
  void add(const std::string& line);
};

// Commits "drafts", which say everything themselves, as one batch.
Outcomes commit(domed::Store& store, const std::vector<Draft>& drafts);

// Random bytes that no other call gives.
std::string new_revision();
// The name of "code", as in domed/error.h.
std::string text_of(Code code);

// The writer of a store: knows the revision that each job has since the last entry that was
// done, and gives it to what does not name one; and a new one to what has none.
class Writer {
 public:
  Outcomes commit(domed::Store& store, std::vector<Draft> drafts);
  // Of a job that it does not know: one that no job has.
  std::string revision(const std::string& job_id) const;

 private:
  std::map<std::string, std::string> revisions_;
};

// An event line that says where it belongs, "size" bytes long where that is more.
std::string line_of(const std::string& job_id, std::uint64_t seq, std::size_t size = 0);
// The lines of seqs "from" to "to".
Lines lines_of(const std::string& job_id, std::uint64_t from, std::uint64_t to);
// The lines of a slice, cut at its ends; a last one says so where they are wrong.
Lines lines_in(const Slice& slice);

// An append of "count" lines from line_of() behind the seq "base"; 0: a creation.
Draft append_of(const std::string& job_id, std::uint64_t base, std::uint64_t count);
Draft trim_of(const std::string& job_id, std::uint64_t first_seq);
Draft purge_of(const std::string& job_id);
Draft drop_of(const std::string& job_id);
// A creation whose log begins at "first_seq".
Draft copy_of(const std::string& job_id, std::uint64_t first_seq, std::uint64_t count);
// "draft" as somebody commits it who thinks that the job has "revision".
Draft against(const std::string& revision, Draft draft);

// The order of tags means nothing.
Lines sorted(Lines tags);

// Whether the next page of "query" lies behind where "page", which has more, began.
bool goes_on(const domed::JobPage& page, const ListQuery& query);
// The jobs of "query", as many as its limit allows, over as many pages as that takes: a page may
// end before.  Expects that the pages go on.
std::vector<JobRecord> listed(const domed::Store& store, ListQuery query = {});
// The first page that has jobs, or the last one.
domed::JobPage first_page(const domed::Store& store, ListQuery query);

// Compares everything but, where "with_fixed" is false, "fixed".
void expect_equal(const JobRecord& expected, const JobRecord& actual, bool with_fixed = true);

// Expects "action" to throw domed::Error of "code".
template <class Action>
void expect_error(Code code, Action&& action) {
  try {
    action();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const domed::Error& error) {
    EXPECT_EQ(code, error.code()) << error.what();
    EXPECT_STRNE("", error.what());
  } catch (const std::exception& error) {
    ADD_FAILURE() << "threw something other than domed::Error: " << error.what();
  }
}

// A store in a directory of its own.
class StoreTest : public ::testing::Test {
 protected:
  void SetUp() override { store_ = make_store(scratch_.path()); }

  domed::Store& store() { return *store_; }
  const std::filesystem::path& directory() const { return scratch_.path(); }
  void close() { store_.reset(); }
  void open() { store_ = make_store(scratch_.path()); }

  Outcomes commit(const std::vector<Draft>& drafts) { return writer_.commit(*store_, drafts); }
  // One entry as a batch of its own.
  Outcome commit_one(const Draft& draft);
  std::string revision(const std::string& job_id) const { return writer_.revision(job_id); }
  // Creates "job_id" with "count" events; "created" counts up by 10 from 10 on.
  Draft make_job(const std::string& job_id, std::uint64_t count, JobColumns columns = {});
  // Gives a creation the next "created".
  Draft created(Draft draft);

  Lines read_all(const std::string& job_id);
  Slice read(const std::string& job_id, std::uint64_t from, std::size_t max_events = 1000,
             std::size_t max_bytes = 1 << 20, Direction direction = Direction::forward);
  JobRecord find(const std::string& job_id);

 private:
  Scratch scratch_;
  Writer writer_;
  std::int64_t last_created_ = 0;
  std::unique_ptr<domed::Store> store_;
};

#define EXPECT_DONE(outcome) EXPECT_EQ(::domed::Outcome::done, (outcome))
#define EXPECT_CONFLICT(outcome) EXPECT_EQ(::domed::Outcome::conflict, (outcome))

}  // namespace conformance

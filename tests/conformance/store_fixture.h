#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "domed/error.h"
#include "domed/store.h"
#include "target.h"

namespace conformance {

using domed::Code;
using domed::Durability;
using domed::Entry;
using domed::EntryResult;
using domed::JobColumns;
using domed::JobRecord;
using domed::ListQuery;
using domed::Slice;
using Lines = std::vector<std::string>;  // without their LF
using Outcome = EntryResult::Outcome;

// An entry that owns its bytes.
struct Draft {
  Entry::Action action = Entry::Action::append;
  std::string job_id;
  std::uint64_t expected_head = 0;
  std::string events;
  std::vector<std::uint32_t> ends;
  std::uint64_t first_seq = 0;
  std::optional<std::string> fixed;
  std::string head;
  JobColumns columns;

  Entry entry() const;
  void add(const std::string& line);
};

// Commits "drafts" as one batch.
std::vector<EntryResult> commit(domed::Store& store, const std::vector<Draft>& drafts);

// An event line that says where it belongs, "size" bytes long where that is more.
std::string line_of(const std::string& job_id, std::uint64_t seq, std::size_t size = 0);
// The lines of seqs "from" to "to".
Lines lines_of(const std::string& job_id, std::uint64_t from, std::uint64_t to);
// The lines of a slice, cut at its ends; a last one says so where they are wrong.
Lines lines_in(const Slice& slice);

// An append of "count" lines from line_of().
Draft append_of(const std::string& job_id, std::uint64_t expected_head, std::uint64_t count);
Draft trim_of(const std::string& job_id, std::uint64_t head, std::uint64_t first_seq);
Draft purge_of(const std::string& job_id, std::uint64_t head);
Draft drop_of(const std::string& job_id, std::uint64_t head);
// A creation whose log begins at "first_seq".
Draft copy_of(const std::string& job_id, std::uint64_t first_seq, std::uint64_t count);

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

  // One entry as a batch of its own.
  EntryResult commit_one(const Draft& draft);
  // Creates "job_id" with "count" events; "created" counts up by 10 from 10 on.
  Draft make_job(const std::string& job_id, std::uint64_t count, JobColumns columns = {});
  // Gives a creation the next "created".
  Draft created(Draft draft);

  Lines read_all(const std::string& job_id);
  Slice read(const std::string& job_id, std::uint64_t from, std::size_t max_events = 1000,
             std::size_t max_bytes = 1 << 20);
  JobRecord find(const std::string& job_id);

 private:
  Scratch scratch_;
  std::int64_t last_created_ = 0;
  std::unique_ptr<domed::Store> store_;
};

#define EXPECT_DONE(result) EXPECT_EQ(::conformance::Outcome::done, (result).outcome)
#define EXPECT_CONFLICT(expected_head, result)                                  \
  do {                                                                          \
    const ::domed::EntryResult conflict_result = (result);                      \
    EXPECT_EQ(::conformance::Outcome::conflict, conflict_result.outcome);       \
    EXPECT_EQ(static_cast<std::uint64_t>(expected_head), conflict_result.head); \
  } while (false)

}  // namespace conformance

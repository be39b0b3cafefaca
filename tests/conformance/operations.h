#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "model.h"

namespace conformance {

// One step of a random test, complete: it means the same whatever came before.
struct Operation {
  enum class Kind { commit, read, find, list, reopen };
  Kind kind = Kind::commit;
  std::vector<Draft> batch;  // commit
  std::string job_id;        // read, find
  std::uint64_t from = 1;    // read
  std::size_t max_events = 0, max_bytes = 0;
  Direction direction = Direction::forward;
  ListQuery query;  // list
};
using Operations = std::vector<Operation>;

// "append 'job3' at 5: 2 lines, 130 bytes": one line a commit's entry.
std::string describe(const Operation& operation);

// Makes up operations; the same seed makes the same ones.
class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  std::uint64_t upto(std::uint64_t most) { return random_() % (most + 1); }
  bool one_in(std::uint64_t n) { return random_() % n == 0; }

  // "count" operations for a fresh store.
  Operations operations(std::size_t count, bool reopens);
  // A batch for a store that has what "model" has; now and then with an entry
  // that must conflict, or with one that must be refused.
  std::vector<Draft> batch(const Model& model);

 private:
  std::string job();
  std::string line();
  JobColumns columns();
  Draft draft(const Model& model, const std::string& id);
  std::string revision();
  std::string expected_revision(const Model& model, const std::string& id);
  std::vector<std::string> tags();
  void add_lines(Draft& draft);
  void spoil(std::vector<Draft>& batch);
  void misplace(Draft& draft);
  std::size_t about_the_size_of_some_lines(const Model::Job& job, const Operation& read);
  Operation read(const Model& model);
  Operation list();

  std::mt19937_64 random_;
  std::map<std::string, std::vector<std::string>> given_;  // the revisions of each job so far
};

// Does "operation", which is no reopen, to both; how they differ.  Throws Error(stale) only.
std::string perform(const Operation& operation, domed::Store& store, Model& model);

// A shorter list that still "fails": first whole operations are left out, in
// ever smaller groups, then single entries of batches, then entries between others of the
// same job.  Tries at most "tries".
Operations shrink(Operations operations, const std::function<bool(const Operations&)>& fails,
                  int tries);

}  // namespace conformance

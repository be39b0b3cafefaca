#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "store_fixture.h"

namespace conformance {

// What a writer asked of a store, and what he was told became of it.
struct Deed {
  Draft draft;
  Outcome told = Outcome::unknown;
};

// A writer among others on one place, each with an object of its own: looks at jobs that all
// of them write, commits what then fits, and remembers everything.
class OneOfMany {
 public:
  static constexpr int kJobs = 3;
  static std::string job(std::uint64_t number) { return "j" + std::to_string(number); }

  // "store" may be away for a while; what it then says of a commit is taken as it is.
  OneOfMany(domed::Store& store, std::string name, std::uint64_t seed)
      : store_(store), name_(std::move(name)), random_(seed) {}

  // One batch.
  void step();
  const std::vector<Deed>& deeds() const { return deeds_; }

 private:
  Draft draft_of(const std::string& id);

  domed::Store& store_;
  const std::string name_;
  std::mt19937_64 random_;
  std::uint64_t count_ = 0;
  std::vector<Deed> deeds_;
};

using Many = std::vector<const OneOfMany*>;

// The deeds that made "record" what it is, from its creation on: each saw the revision that the
// one before it gave.  Fails the test where there is none.
std::vector<const Deed*> history_of(const JobRecord& record, const Many& writers);

// Expects that "record" and "lines" are what its history makes of it, and that each of "writers"
// was told the truth about all that he did to this job.
void expect_history(const JobRecord& record, const Slice& log, const Many& writers);

}  // namespace conformance

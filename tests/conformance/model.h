#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "store_fixture.h"

namespace conformance {

// A store that is too simple to be wrong.
class Model {
 public:
  struct Job {
    JobRecord record;
    std::map<std::uint64_t, std::string> lines;
  };
  using Jobs = std::map<std::string, Job>;

  // What commit() must answer; nullopt: it must refuse the batch as invalid.
  std::optional<Outcomes> commit(const std::vector<Draft>& batch);
  // What "draft", which breaks no rule, does.
  Outcome apply(const Draft& draft);

  // The lines that a read must give.
  static Lines lines(const Job& job, std::uint64_t from, std::size_t max_events,
                     std::size_t max_bytes, Direction direction = Direction::forward);
  // The most that a page may have.
  std::vector<JobRecord> list(const ListQuery& query) const;

  const Job* find(const std::string& id) const;
  const Jobs& jobs() const { return jobs_; }
  // Takes the job "id" as "other" has it, be it absent.
  void adopt(const std::string& id, const Model& other);
  // Takes all that "store" has, whatever was there before.
  void take(const domed::Store& store);

 private:
  bool is_invalid(const std::vector<Draft>& batch) const;

  Jobs jobs_;
};

std::string hex(const std::string& bytes);

// In which way "actual" differs; empty: not at all.
std::string difference(const JobRecord& expected, const JobRecord& actual, bool with_fixed);
std::string difference(const Lines& expected, const Lines& actual);
// Of a whole job as the store has it; "expected" may be null.
std::string difference(const Model::Job* expected, const domed::Store& store,
                       const std::string& id);

}  // namespace conformance

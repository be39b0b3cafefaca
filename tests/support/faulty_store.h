#pragma once

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>

#include "domed/store_rules.h"

namespace domed::test {

// A real store whose commits fail, conflict or wait as a test asks.
class FaultyStore final : public Store {
 public:
  explicit FaultyStore(std::unique_ptr<Store> store) : store_(std::move(store)) {}

  Durability durability() const noexcept override { return store_->durability(); }
  std::string incarnation() const override { return life.empty() ? store_->incarnation() : life; }
  std::vector<Outcome> commit(std::span<const Entry> entries) override {
    ++commits;
    if (gate.valid()) gate.get();
    must_be_here();
    largest = std::max(largest, entries.size());
    if (failures > 0 && failures--) throw Error(failure, "no");
    if (silences > 0 && silences--) {  // committed, but the answer is lost
      store_->commit(entries);
      return std::vector<Outcome>(entries.size(), Outcome::unknown);
    }
    for (const Entry& entry : entries)
      if (entry.job_id == damaged) throw Error(Code::corruption, "it is not what was written");
    if (lates > 0 && lates--) {  // the answer is lost, and the commit still under way
      for (const Entry& entry : entries) late_.emplace_back(entry);
      away = true;
      return std::vector<Outcome>(entries.size(), Outcome::unknown);
    }
    if (conflicts > 0 && conflicts--)
      return std::vector<Outcome>(entries.size(), Outcome::conflict);
    return store_->commit(entries);
  }
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t events,
                            std::size_t bytes, Direction direction) const override {
    ++reads;
    must_be_here();
    if (read_gate.valid()) read_gate.wait();
    if (read_failures > 0 && read_failures--) throw Error(failure, "no");
    return store_->read(id, from, events, bytes, direction);
  }
  std::optional<JobRecord> find(std::string_view id) const override {
    must_be_here();
    if (id == damaged) throw Error(Code::corruption, "it is not what was written");
    return store_->find(id);
  }
  JobPage list(const ListQuery& query) const override {
    must_be_here();
    ++lists;
    if (places == 0) return store_->list(query);
    ListQuery next = query;
    next.state.clear(), next.tags.clear();
    next.limit = std::min(places, query.limit);
    JobPage page = store_->list(next);
    std::erase_if(page.jobs, [&](const JobRecord& job) { return !matches(query, job); });
    return page;
  }

  // What was under way is applied, or never will be; then the store can be read again.
  void land(bool applied) {
    for (Late& late : late_) {
      const Entry entry = late.entry();
      if (applied) store_->commit({&entry, 1});
    }
    late_.clear();
    away = false;
  }

  std::string damaged;            // the job whose record cannot be read; set it while nobody asks
  std::atomic<bool> away{false};  // what asks it gets no answer
  std::atomic<int> lates{0};
  std::atomic<int> commits{0}, failures{0}, conflicts{0}, silences{0};
  mutable std::atomic<int> reads{0}, read_failures{0}, lists{0};
  std::size_t places = 0;  // that it looks at for a page; 0: as many as it takes
  Code failure = Code::exhausted;
  std::string life;  // the incarnation that it says, where this is not empty
  std::size_t largest = 0;
  std::future<void> gate;              // the next commit waits for it
  std::shared_future<void> read_gate;  // and each read for this one

 private:
  // An entry that outlives what its views looked at.
  struct Late {
    explicit Late(const Entry& given)
        : views(given),
          id(given.job_id),
          expected(given.expected_revision),
          revision(given.revision),
          events(given.events),
          fixed(given.fixed.value_or("")),
          head(given.head),
          ends(given.ends.begin(), given.ends.end()) {}
    Entry entry() const {
      Entry out = views;
      out.job_id = id, out.expected_revision = expected, out.revision = revision;
      out.events = events, out.ends = ends, out.head = head;
      if (out.fixed) out.fixed = fixed;
      return out;
    }
    Entry views;
    std::string id, expected, revision, events, fixed, head;
    std::vector<std::uint32_t> ends;
  };

  void must_be_here() const {
    if (away) throw Error(Code::io, "it does not answer");
  }

  std::unique_ptr<Store> store_;
  std::vector<Late> late_;
};

}  // namespace domed::test

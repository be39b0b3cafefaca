#pragma once

#include <algorithm>
#include <atomic>
#include <future>
#include <memory>

#include "domed/store.h"

namespace domed::test {

// A real store whose commits fail, conflict or wait as a test asks.
class FaultyStore final : public Store {
 public:
  explicit FaultyStore(std::unique_ptr<Store> store) : store_(std::move(store)) {}

  Durability durability() const noexcept override { return store_->durability(); }
  std::vector<EntryResult> commit(std::span<const Entry> entries) override {
    ++commits;
    if (gate.valid()) gate.get();
    largest = std::max(largest, entries.size());
    if (failures > 0 && failures--) throw Error(failure, "no");
    if (silences > 0 && silences--) {  // committed, but the answer is lost
      store_->commit(entries);
      return std::vector<EntryResult>(entries.size(), {EntryResult::Outcome::unknown, 0});
    }
    if (conflicts > 0 && conflicts--)
      return std::vector<EntryResult>(entries.size(), {EntryResult::Outcome::conflict, 0});
    return store_->commit(entries);
  }
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t events,
                            std::size_t bytes) const override {
    ++reads;
    return store_->read(id, from, events, bytes);
  }
  std::optional<JobRecord> find(std::string_view id) const override { return store_->find(id); }
  std::vector<JobRecord> list(const ListQuery& query) const override { return store_->list(query); }

  std::atomic<int> commits{0}, failures{0}, conflicts{0}, silences{0};
  mutable std::atomic<int> reads{0};
  Code failure = Code::exhausted;
  std::size_t largest = 0;
  std::future<void> gate;  // the next commit waits for it

 private:
  std::unique_ptr<Store> store_;
};

}  // namespace domed::test

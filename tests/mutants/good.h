#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "domed/store.h"

// Good stores with one thing wrong each.  CMakeLists.txt says which test of the
// suite must find which.
namespace mutants {

using domed::Code;
using domed::Direction;
using domed::Durability;
using domed::Entry;
using domed::Error;
using domed::JobRecord;
using domed::ListQuery;
using domed::Outcome;
using domed::Slice;
using Action = Entry::Action;
using Store = domed::Store;
using Outcomes = std::vector<Outcome>;
using Page = domed::JobPage;
using Inner = std::unique_ptr<Store>;

// Hands everything on.  A mutant overrides what it does wrong.
class Good : public Store {
 public:
  explicit Good(Inner inner) : inner_(std::move(inner)) {}
  Durability durability() const noexcept override { return inner_->durability(); }
  std::string incarnation() const override { return inner_->incarnation(); }
  Outcomes commit(std::span<const Entry> entries) override { return inner_->commit(entries); }
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes, Direction direction) const override {
    return inner_->read(id, from, max_events, max_bytes, direction);
  }
  std::optional<JobRecord> find(std::string_view id) const override { return inner_->find(id); }
  Page list(const ListQuery& query) const override { return inner_->list(query); }

 protected:
  JobRecord record_of(std::string_view id) const { return inner_->find(id).value_or(JobRecord{}); }
  Inner inner_;
};

// Changes the entries before they are committed.
class Changed : public Good {
 public:
  using Good::Good;
  Outcomes commit(std::span<const Entry> entries) override {
    std::vector<Entry> changed(entries.begin(), entries.end());
    texts_.clear();
    for (Entry& entry : changed) change(entry);
    return inner_->commit(changed);
  }
  virtual void change(Entry& entry) = 0;

 protected:
  // A view of "text" that lasts as long as the commit.
  std::string_view kept(const std::string& text) {
    return *texts_.emplace_back(std::make_unique<std::string>(text));
  }

 private:
  std::vector<std::unique_ptr<std::string>> texts_;
};

// By name; each of a good store.
using Make = Inner (*)(Inner);
using Mutants = std::map<std::string, Make>;

template <class Mutant>
Inner around(Inner inner) {
  return std::make_unique<Mutant>(std::move(inner));
}

Mutants mutants_in_commits();
Mutants mutants_in_reads();
Mutants mutants_in_lists();
Mutants mutants_in_life();

// Those that make their own store: at "path", and with an engine that goes away for once
// whenever there is a file "disturbed", which it removes.
using MakeAt = Inner (*)(const std::string& path, const std::string& disturbed);
std::map<std::string, MakeAt> mutants_at_places();

Inner open_sqlite(const std::string& path);

}  // namespace mutants

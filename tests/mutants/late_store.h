#pragma once

#include <mutex>
#include <optional>

#include "good.h"

namespace mutants {

// A store whose engine goes away whenever there is a file "disturbed": the commit that meets
// it is answered "unknown" at once, and was applied, will be or never will be, in turn.  As
// domed/store.h asks, no read is answered until that is over.
class Late : public Good {
 public:
  Late(Inner inner, std::string disturbed)
      : Good(std::move(inner)), disturbed_(std::move(disturbed)) {}

  Outcomes commit(std::span<const Entry> entries) override;
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes, Direction direction) const override;
  std::optional<JobRecord> find(std::string_view id) const override;
  Page list(const ListQuery& query) const override;

 protected:
  // Lets the engine do what it was told.
  void land() const;
  // Throws Error(io) as long as the engine is away.
  virtual void settle() const;
  // After a read.
  virtual void answered() const {}
  virtual Outcome answer() const { return Outcome::unknown; }

 private:
  // An entry that outlives its commit.
  struct Told {
    explicit Told(const Entry& entry);
    Entry entry() const;
    Entry plain;
    std::string job_id, expected_revision, revision, events, head;
    std::vector<std::uint32_t> ends;
    std::optional<std::string> fixed;
  };
  void check(std::span<const Entry> entries) const;

  const std::string disturbed_;
  mutable std::mutex mutex_;
  int times_ = 0;
  mutable int refusals_ = 0;
  mutable std::vector<Told> told_;
};

// Answers reads while the engine may yet apply what it was told, and then it does.
struct LateReadsAtOnce final : Late {
  using Late::Late;
  void settle() const override {}
  void answered() const override { land(); }
};

// Says "conflict" of what it does not know.
struct LateIsConflict final : Late {
  using Late::Late;
  Outcome answer() const override { return Outcome::conflict; }
};

// A store that has lost what it had, whenever there is a file "disturbed", and says so for ever.
class Stale : public Good {
 public:
  Stale(Inner inner, std::string disturbed)
      : Good(std::move(inner)), disturbed_(std::move(disturbed)) {}

  Outcomes commit(std::span<const Entry> entries) override;
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes, Direction direction) const override;
  std::optional<JobRecord> find(std::string_view id) const override;
  Page list(const ListQuery& query) const override;

 protected:
  virtual bool goes_on() const { return false; }  // after it has said it once

 private:
  void check() const;
  const std::string disturbed_;
  mutable std::mutex mutex_;
  mutable bool stale_ = false;
};

struct StaleOnce final : Stale {
  using Stale::Stale;
  bool goes_on() const override { return true; }
};

struct StaleUnderItsOldName final : Stale {
  using Stale::Stale;
  std::string incarnation() const override { return "memory"; }
};

}  // namespace mutants

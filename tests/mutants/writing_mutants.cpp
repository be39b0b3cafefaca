#include <atomic>
#include <filesystem>
#include <thread>

#include "sharing.h"

// Mistakes in what writers of one place owe each other.
namespace mutants {
namespace {

using namespace std::chrono_literals;

// Does to the job, as it is, what somebody asked who may have seen another one.
class Forced : public Sharing {
 public:
  using Sharing::Sharing;

 protected:
  Outcome force(Entry entry) {
    for (;;) {
      const JobRecord now = record_of(entry.job_id);
      const std::string revision = now.revision;
      entry.expected_revision = revision;
      if (entry.action == Action::append && !revision.empty()) entry.base = now.head_seq;
      const Outcome outcome = inner_->commit({&entry, 1}).at(0);
      if (outcome == Outcome::done || now.tombstone) return outcome;
    }
  }
  Outcomes each(std::span<const Entry> entries, auto&& one) {
    Outcomes outcomes;
    for (const Entry& entry : entries) outcomes.push_back(one(entry));
    return outcomes;
  }
  bool holds(const Entry& entry) const {
    return record_of(entry.job_id).revision == entry.expected_revision;
  }
};

struct FenceLeftOut final : Forced {
  using Forced::Forced;
  Outcomes commit(std::span<const Entry> entries) override {
    return each(entries, [&](const Entry& entry) {
      return entry.expected_revision.empty() ? inner_->commit({&entry, 1}).at(0) : force(entry);
    });
  }
};

// SELECT, then UPDATE without a condition.
struct LooksBeforeItWrites final : Forced {
  using Forced::Forced;
  Outcomes commit(std::span<const Entry> entries) override {
    return each(entries, [&](const Entry& entry) {
      if (!holds(entry)) return Outcome::conflict;
      std::this_thread::sleep_for(1ms);
      return force(entry);
    });
  }
};

// Compares with what it wrote itself, and asks the engine only where it wrote nothing.
struct RemembersRevisions final : Forced {
  using Forced::Forced;
  Outcomes commit(std::span<const Entry> entries) override {
    return each(entries, [&](const Entry& entry) {
      const auto own = own_.find(std::string(entry.job_id));
      const bool right = own == own_.end() ? holds(entry) : own->second == entry.expected_revision;
      if (!right) return Outcome::conflict;
      const Outcome outcome = force(entry);
      if (outcome == Outcome::done) own_[std::string(entry.job_id)] = entry.revision;
      return outcome;
    });
  }
  std::map<std::string, std::string> own_;
};

// INSERT ... ON CONFLICT DO UPDATE.
struct CreationOverwrites final : Forced {
  using Forced::Forced;
  Outcomes commit(std::span<const Entry> entries) override {
    return each(entries, [&](const Entry& entry) {
      return entry.expected_revision.empty() ? force(entry) : inner_->commit({&entry, 1}).at(0);
    });
  }
};

// Reads come from a replica that is a moment behind; what one wrote oneself is there.
struct ReadsFromAReplica final : Sharing {
  using Sharing::Sharing;
  Outcomes commit(std::span<const Entry> entries) override {
    const std::lock_guard lock(mutex_);
    for (const Entry& entry : entries) behind_.erase(std::string(entry.job_id));
    return inner_->commit(entries);
  }
  std::optional<JobRecord> find(std::string_view id) const override {
    auto now = inner_->find(id);
    const std::lock_guard lock(mutex_);
    const auto [it, first] = behind_.try_emplace(std::string(id), now);
    if (!first) std::swap(it->second, now);
    return now;
  }
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::optional<JobRecord>> behind_;
};

struct IncarnationOfTheObject final : Sharing {
  explicit IncarnationOfTheObject(Inner inner) : Sharing(std::move(inner)) {
    static std::atomic<int> objects{0};
    name_ = std::to_string(++objects);
  }
  std::string incarnation() const override { return inner_->incarnation() + '.' + name_; }
  std::string name_;
};

// One that meets an odd engine now and then.
class Odd : public Sharing {
 public:
  explicit Odd(const Where& where)
      : Sharing(shared_memory(where.shared)), disturbed_(where.disturbed) {}
  Outcomes commit(std::span<const Entry> entries) override {
    return std::filesystem::remove(disturbed_) ? odd(entries) : inner_->commit(entries);
  }

 protected:
  virtual Outcomes odd(std::span<const Entry> entries) = 0;

 private:
  const std::string disturbed_;
};

template <class Mutant>
std::unique_ptr<Sharing> odd(const Where& where) {
  return std::make_unique<Mutant>(where);
}

// The wait for the standby was canceled, says a warning, and the standby takes over.
struct WarningIsSuccess final : Odd {
  using Odd::Odd;
  Outcomes odd(std::span<const Entry> entries) override {
    return Outcomes(entries.size(), Outcome::done);
  }
};

// The answer was lost, so it asks once more, and takes its own commit for another's.
struct RepeatsInSilence final : Odd {
  using Odd::Odd;
  Outcomes odd(std::span<const Entry> entries) override {
    inner_->commit(entries);
    return inner_->commit(entries);
  }
};

// The answer was lost, and it says that all is well.
struct LostAnswerIsSuccess final : Odd {
  using Odd::Odd;
  Outcomes odd(std::span<const Entry> entries) override {
    inner_->commit(entries.subspan(0, entries.size() / 2));
    return Outcomes(entries.size(), Outcome::done);
  }
};

std::unique_ptr<Sharing> a_place_for_each(const Where&) {
  return std::make_unique<Sharing>(shared_memory(""));
}

}  // namespace

SharingMutants mutants_in_writing() {
  return {
      {"fence-left-out", sharing<FenceLeftOut>},
      {"looks-before-it-writes", sharing<LooksBeforeItWrites>},
      {"remembers-revisions", sharing<RemembersRevisions>},
      {"creation-overwrites", sharing<CreationOverwrites>},
      {"reads-from-a-replica", sharing<ReadsFromAReplica>},
      {"incarnation-of-the-object", sharing<IncarnationOfTheObject>},
      {"a-place-for-each", a_place_for_each},
      {"warning-is-success", odd<WarningIsSuccess>},
      {"repeats-in-silence", odd<RepeatsInSilence>},
      {"lost-answer-is-success", odd<LostAnswerIsSuccess>},
  };
}

}  // namespace mutants

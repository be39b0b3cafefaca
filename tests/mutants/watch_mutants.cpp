#include <atomic>
#include <thread>

#include "sharing.h"

// Mistakes in telling of what others committed.
namespace mutants {
namespace {

using namespace std::chrono_literals;
using domed::ChangeList;

Change change_of(const Entry& entry, std::uint64_t head) {
  return {std::string(entry.job_id), std::string(entry.revision), head, entry.columns.state};
}

// What one kind of mutant has for all objects of a place.
template <class Common>
Common& common(const std::string& place) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<Common>> all;
  const std::lock_guard lock(mutex);
  auto& found = all[place];
  if (!found) found = std::make_unique<Common>();
  return *found;
}

// One with a list of its own, which its author filled.
struct OwnList {
  ChangeList list{"own"};
};
class Listing : public Sharing {
 public:
  explicit Listing(Inner inner)
      : Sharing(std::move(inner)), list_(common<OwnList>(inner_->incarnation()).list) {}
  Changes wait(const std::string& cursor, Milliseconds timeout) override {
    return list_.wait(cursor, timeout, interrupted_);
  }
  void interrupt() override { list_.interrupt(interrupted_); }

 protected:
  std::uint64_t head_of(const Entry& entry) const {
    return entry.action == Action::append ? entry.base + entry.ends.size()
                                          : record_of(entry.job_id).head_seq;
  }
  ChangeList& list_;
  bool interrupted_ = false;
};

struct NotifiesBeforeTheCommit final : Listing {
  using Listing::Listing;
  Outcomes commit(std::span<const Entry> entries) override {
    for (const Entry& entry : entries) list_.add(change_of(entry, head_of(entry)));
    std::this_thread::sleep_for(1ms);
    return inner_->commit(entries);
  }
};

// One that tells behind the commit, but not all, or not all of it.
class Telling : public Listing {
 public:
  using Listing::Listing;
  Outcomes commit(std::span<const Entry> entries) override {
    const Outcomes outcomes = inner_->commit(entries);
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (outcomes[i] == Outcome::done) tell(entries[i], i);
    return outcomes;
  }
  virtual void tell(const Entry& entry, std::size_t) {
    list_.add(change_of(entry, head_of(entry)));
  }
};

// A trigger on the table of lines.
struct TellsOfEventsAlone final : Telling {
  using Telling::Telling;
  void tell(const Entry& entry, std::size_t i) override {
    if (!entry.ends.empty()) Telling::tell(entry, i);
  }
};

struct TellsTheHeadBefore final : Telling {
  using Telling::Telling;
  void tell(const Entry& entry, std::size_t) override { list_.add(change_of(entry, entry.base)); }
};

// What fits one notification.
struct PayloadIsCut final : Telling {
  using Telling::Telling;
  void tell(const Entry& entry, std::size_t i) override {
    if (i < 100) Telling::tell(entry, i);
  }
};

// Listens on the connection that it writes with, and drops what comes from others.
class OwnCommitsAlone final : public Sharing {
 public:
  using Sharing::Sharing;
  Outcomes commit(std::span<const Entry> entries) override {
    const Outcomes outcomes = inner_->commit(entries);
    for (const Entry& entry : entries) own_.add(change_of(entry, entry.base + entry.ends.size()));
    return outcomes;
  }
  Changes wait(const std::string& cursor, Milliseconds timeout) override {
    return own_.wait(cursor, timeout, interrupted_);
  }
  void interrupt() override { own_.interrupt(interrupted_); }

 private:
  ChangeList own_{"own"};
  bool interrupted_ = false;
};

// Numbers are drawn inside of the transaction and become visible with it, in another order.
struct Sequence {
  std::atomic<std::uint64_t> next{1};
  std::mutex mutex;
  std::map<std::uint64_t, Change> visible;
};
class SequenceAsCursor final : public Sharing {
 public:
  explicit SequenceAsCursor(Inner inner)
      : Sharing(std::move(inner)), all_(common<Sequence>(inner_->incarnation())) {}
  Outcomes commit(std::span<const Entry> entries) override {
    const std::uint64_t number = all_.next.fetch_add(entries.size());
    const Outcomes outcomes = inner_->commit(entries);
    for (std::size_t i = entries.size(); i-- > 0;) {
      if (i == 0) std::this_thread::sleep_for(10ms);
      const JobRecord now = record_of(entries[i].job_id);
      const std::lock_guard lock(all_.mutex);
      if (outcomes[i] == Outcome::done)
        all_.visible[number + i] = {now.job_id, now.revision, now.head_seq, now.columns.state};
    }
    return outcomes;
  }
  Changes wait(const std::string& cursor, Milliseconds timeout) override {
    Changes told = inner(cursor);
    for (Milliseconds waited{0}; told.changes.empty() && waited < timeout; waited += 1ms) {
      std::this_thread::sleep_for(1ms);
      told = inner(cursor);
    }
    return told;
  }

 private:
  Changes inner(const std::string& cursor) {
    const std::lock_guard lock(all_.mutex);
    Changes told;
    const auto end = all_.visible.empty() ? 0 : all_.visible.rbegin()->first;
    auto it = all_.visible.upper_bound(cursor.empty() ? end : std::stoull(cursor));
    for (; it != all_.visible.end(); ++it) told.changes.push_back(it->second);
    told.cursor = std::to_string(end);
    return told;
  }
  Sequence& all_;
};

struct CursorOfTheObject final : Sharing {
  using Sharing::Sharing;
  Changes wait(const std::string&, Milliseconds timeout) override {
    Changes told = watch_.wait(cursor_, timeout);
    cursor_ = told.cursor;
    return told;
  }
  std::string cursor_;
};

// A cursor that it does not know is as good as none.
struct GapInSilence final : Sharing {
  using Sharing::Sharing;
  Changes wait(const std::string& cursor, Milliseconds timeout) override {
    Changes told = watch_.wait(cursor, timeout);
    told.gap = false;
    return told;
  }
};

// Each object begins to listen when it is made.
struct CursorOfTheSession final : Sharing {
  using Sharing::Sharing;
  Changes wait(const std::string& cursor, Milliseconds timeout) override {
    const bool known = given_.contains(cursor);
    Changes told = watch_.wait(known ? cursor : "", known ? timeout : 0ms);
    given_[told.cursor] = true;
    return told;
  }
  std::map<std::string, bool> given_;
};

struct LooksSeldom final : Sharing {
  using Sharing::Sharing;
  Changes wait(const std::string& cursor, Milliseconds timeout) override {
    std::this_thread::sleep_for(timeout == 0ms ? 0ms : 1500ms);
    return watch_.wait(cursor, timeout);
  }
};

// Looks when it begins, and again at its end.
struct SleepsWhileItWaits final : Sharing {
  using Sharing::Sharing;
  Changes wait(const std::string& cursor, Milliseconds timeout) override {
    Changes told = watch_.wait(cursor, 0ms);
    if (!told.changes.empty()) return told;
    std::this_thread::sleep_for(timeout);
    return watch_.wait(cursor, 0ms);
  }
};

struct Spins final : Sharing {
  using Sharing::Sharing;
  Changes wait(const std::string& cursor, Milliseconds) override {
    return watch_.wait(cursor, 0ms);
  }
};

struct TellsForEver final : Sharing {
  using Sharing::Sharing;
  Changes wait(const std::string& cursor, Milliseconds timeout) override {
    Changes told = watch_.wait(cursor, last_.empty() ? timeout : 0ms);
    told.changes.insert(told.changes.begin(), last_.begin(), last_.end());
    if (!told.changes.empty()) last_ = {told.changes.back()};
    return told;
  }
  std::vector<Change> last_;
};

struct InterruptIgnored final : Sharing {
  using Sharing::Sharing;
  void interrupt() override {}
};

struct InterruptNeedsAWaiter final : Sharing {
  using Sharing::Sharing;
  Changes wait(const std::string& cursor, Milliseconds timeout) override {
    waits_ = true;
    Changes told = watch_.wait(cursor, timeout);
    waits_ = false;
    return told;
  }
  void interrupt() override {
    if (waits_) watch_.interrupt();
  }
  std::atomic<bool> waits_{false};
};

}  // namespace

SharingMutants mutants_in_watches() {
  return {
      {"notifies-before-the-commit", sharing<NotifiesBeforeTheCommit>},
      {"tells-of-events-alone", sharing<TellsOfEventsAlone>},
      {"tells-the-head-before", sharing<TellsTheHeadBefore>},
      {"payload-is-cut", sharing<PayloadIsCut>},
      {"own-commits-alone", sharing<OwnCommitsAlone>},
      {"sequence-as-cursor", sharing<SequenceAsCursor>},
      {"cursor-of-the-object", sharing<CursorOfTheObject>},
      {"gap-in-silence", sharing<GapInSilence>},
      {"cursor-of-the-session", sharing<CursorOfTheSession>},
      {"looks-seldom", sharing<LooksSeldom>},
      {"sleeps-while-it-waits", sharing<SleepsWhileItWaits>},
      {"spins", sharing<Spins>},
      {"tells-for-ever", sharing<TellsForEver>},
      {"interrupt-ignored", sharing<InterruptIgnored>},
      {"interrupt-needs-a-waiter", sharing<InterruptNeedsAWaiter>},
  };
}

}  // namespace mutants

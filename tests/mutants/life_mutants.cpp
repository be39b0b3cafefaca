#include <fcntl.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <random>
#include <type_traits>

#include "good.h"
#include "late_store.h"
#include "store-memory/store_memory.h"
#include "store-sqlite/sqlite.h"

namespace mutants {
namespace {

struct DurabilityLiedAbout final : Good {
  using Good::Good;
  Durability durability() const noexcept override { return Durability::power; }
};

struct DescriptorLost final : Good {
  explicit DescriptorLost(Inner inner) : Good(std::move(inner)) {
    if (::open("/dev/null", O_RDONLY | O_CLOEXEC) < 0) throw Error(Code::exhausted, "/dev/null");
  }
};

struct NewIncarnationForEach final : Good {
  explicit NewIncarnationForEach(Inner inner) : Good(std::move(inner)) {}
  std::string incarnation() const override { return name_; }

 private:
  const std::string name_ = std::to_string(std::random_device{}());
};

struct IncarnationWithoutEnd final : Good {
  using Good::Good;
  std::string incarnation() const override { return "always"; }
};

struct IncarnationGrows final : Good {
  using Good::Good;
  Outcomes commit(std::span<const Entry> entries) override {
    ++commits_;
    return inner_->commit(entries);
  }
  std::string incarnation() const override {
    return inner_->incarnation().substr(0, 40) + '-' + std::to_string(commits_);
  }
  std::atomic<int> commits_{0};
};

struct IncarnationIsNoName final : Good {
  using Good::Good;
  std::string incarnation() const override { return "born of " + inner_->incarnation(); }
};

// Damage is a defect of the program, it thinks.
struct DamageIsInternal final : Good {
  using Good::Good;
  std::optional<Slice> read(std::string_view id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes, Direction direction) const override {
    return renamed([&] { return inner_->read(id, from, max_events, max_bytes, direction); });
  }
  std::optional<JobRecord> find(std::string_view id) const override {
    return renamed([&] { return inner_->find(id); });
  }
  Page list(const ListQuery& query) const override {
    return renamed([&] { return inner_->list(query); });
  }

  template <class Action>
  static std::invoke_result_t<Action> renamed(const Action& action) try {
    return action();
  } catch (const Error& error) {
    throw Error(error.code() == Code::corruption ? Code::internal : error.code(), error.what());
  }
};

// What is damaged somewhere has nothing at all.
struct Gone final : Good {
  using Good::Good;
  std::optional<Slice> read(std::string_view, std::uint64_t, std::size_t, std::size_t,
                            Direction) const override {
    return std::nullopt;
  }
  std::optional<JobRecord> find(std::string_view) const override { return std::nullopt; }
  Page list(const ListQuery&) const override { return {}; }
};

// Works on a copy of the database that takes its place at a clean end.
class AcknowledgedTooEarly final : public Good {
 public:
  using Open = std::function<Inner(const std::string&)>;
  AcknowledgedTooEarly(const Open& open, const std::string& path)
      : Good(open(copied(path))), path_(path) {}
  ~AcknowledgedTooEarly() override {
    inner_.reset();
    std::error_code ignored;
    std::filesystem::rename(path_ + ".copy", path_, ignored);
  }

 private:
  static std::string copied(const std::string& path) {
    for (const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::path(path).parent_path()))
      if (entry.path().string().starts_with(path + ".copy")) std::filesystem::remove(entry.path());
    if (std::filesystem::exists(path)) std::filesystem::copy_file(path, path + ".copy");
    return path + ".copy";
  }
  std::string path_;
};

// Whoever finds the place taken begins another one beside it.
Inner second_opener_let_in(const std::string& path, const std::string&) {
  try {
    return open_sqlite(path);
  } catch (const Error& error) {
    if (error.code() != Code::conflict) throw;
    return open_sqlite(path + ".second");
  }
}

bool is_whole(const std::string& path) {
  return !std::filesystem::exists(path) ||
         domed::sqlite::Connection(path).ask("PRAGMA integrity_check") == "ok";
}

Inner damage_is_silence(const std::string& path, const std::string&) {
  return is_whole(path) ? open_sqlite(path) : std::make_unique<Gone>(open_sqlite(path));
}

// Damage anywhere costs the lists everything; what is asked for by its id is there.
struct ListsNothing final : Good {
  using Good::Good;
  Page list(const ListQuery&) const override { return {}; }
};

Inner damage_cuts_lists(const std::string& path, const std::string&) {
  return is_whole(path) ? open_sqlite(path) : std::make_unique<ListsNothing>(open_sqlite(path));
}

Inner acknowledged_too_early(const std::string& path, const std::string&) {
  return std::make_unique<AcknowledgedTooEarly>(open_sqlite, path);
}

template <class Store>
Inner disturbed_memory(const std::string&, const std::string& disturbed) {
  return std::make_unique<Store>(std::make_unique<domed::StoreMemory>(), disturbed);
}

}  // namespace

Mutants mutants_in_life() {
  return {
      {"durability-lied-about", around<DurabilityLiedAbout>},
      {"descriptor-lost", around<DescriptorLost>},
      {"new-incarnation-for-each", around<NewIncarnationForEach>},
      {"incarnation-without-end", around<IncarnationWithoutEnd>},
      {"incarnation-grows", around<IncarnationGrows>},
      {"incarnation-is-no-name", around<IncarnationIsNoName>},
      {"damage-is-internal", around<DamageIsInternal>},
  };
}

std::map<std::string, MakeAt> mutants_at_places() {
  return {
      {"acknowledged-too-early", acknowledged_too_early},
      {"damage-is-silence", damage_is_silence},
      {"damage-cuts-lists", damage_cuts_lists},
      {"second-opener-let-in", second_opener_let_in},
      {"late", disturbed_memory<Late>},
      {"late-reads-at-once", disturbed_memory<LateReadsAtOnce>},
      {"late-and-done-as-conflict", disturbed_memory<LateIsConflict>},
      {"stale", disturbed_memory<Stale>},
      {"stale-once", disturbed_memory<StaleOnce>},
      {"stale-under-its-old-name", disturbed_memory<StaleUnderItsOldName>},
  };
}

}  // namespace mutants

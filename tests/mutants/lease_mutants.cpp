#include <algorithm>
#include <chrono>
#include <thread>

#include "sharing.h"

// Mistakes in leases.
namespace mutants {
namespace {

using namespace std::chrono_literals;
using Name = std::string_view;
using std::string;

// An advisory lock: gone with the session that took it.
struct LeaseOfTheSession final : Sharing {
  using Sharing::Sharing;
  ~LeaseOfTheSession() override {
    for (const auto& [name, holder] : taken_) leases_.release(name, holder);
  }
  bool acquire(Name name, Name holder, Milliseconds ttl, Name text) override {
    const bool taken = leases_.acquire(name, holder, ttl, text);
    if (taken) taken_[string(name)] = holder;
    return taken;
  }
  std::map<string, string> taken_;
};

// Its time is counted by the object that took it.
struct TimeOfTheObject final : Sharing {
  using Sharing::Sharing;
  ~TimeOfTheObject() override {
    for (const auto& [name, holder] : taken_) leases_.renew(name, holder, 0ms, "");
  }
  bool acquire(Name name, Name holder, Milliseconds ttl, Name text) override {
    const bool taken = leases_.acquire(name, holder, ttl, text);
    if (taken) taken_[string(name)] = holder;
    return taken;
  }
  std::map<string, string> taken_;
};

struct WithoutEnd final : Sharing {
  using Sharing::Sharing;
  bool acquire(Name name, Name holder, Milliseconds, Name text) override {
    return leases_.acquire(name, holder, 0ms, text);
  }
};

struct ZeroEndsAtOnce final : Sharing {
  using Sharing::Sharing;
  bool acquire(Name name, Name holder, Milliseconds ttl, Name text) override {
    return leases_.acquire(name, holder, std::max(ttl, 1ms), text);
  }
  bool renew(Name name, Name holder, Milliseconds ttl, Name text) override {
    return leases_.renew(name, holder, std::max(ttl, 1ms), text);
  }
};

struct EndsTooEarly final : Sharing {
  using Sharing::Sharing;
  bool acquire(Name name, Name holder, Milliseconds ttl, Name text) override {
    return leases_.acquire(name, holder, ttl - ttl / 4, text);
  }
};

struct WholeSeconds final : Sharing {
  using Sharing::Sharing;
  bool acquire(Name name, Name holder, Milliseconds ttl, Name text) override {
    return leases_.acquire(name, holder, ttl - ttl % 1000, text);
  }
};

// 2^31 milliseconds are 24 days.
struct TimeIsAnInt final : Sharing {
  using Sharing::Sharing;
  bool acquire(Name name, Name holder, Milliseconds ttl, Name text) override {
    return leases_.acquire(name, holder, Milliseconds(std::max(1, static_cast<int>(ttl.count()))),
                           text);
  }
};

struct RenewTakes final : Sharing {
  using Sharing::Sharing;
  bool renew(Name name, Name holder, Milliseconds ttl, Name text) override {
    return leases_.acquire(name, holder, ttl, text);
  }
};

// UPDATE ... WHERE name = $1.
struct RenewOfAnybody final : Sharing {
  using Sharing::Sharing;
  bool renew(Name name, Name, Milliseconds ttl, Name text) override {
    for (const Lease& lease : leases_.held(name))
      if (lease.name == name) return leases_.renew(name, lease.holder, ttl, text);
    return false;
  }
};

struct ReleaseByAnybody final : Sharing {
  using Sharing::Sharing;
  void release(Name name, Name) override {
    for (const Lease& lease : leases_.held(name))
      if (lease.name == name) leases_.release(name, lease.holder);
  }
};

// INSERT, and a holder's own row is in its way.
struct NotTwice final : Sharing {
  using Sharing::Sharing;
  bool acquire(Name name, Name holder, Milliseconds ttl, Name text) override {
    for (const Lease& lease : leases_.held(name))
      if (lease.name == name && lease.holder == holder) return false;
    return leases_.acquire(name, holder, ttl, text);
  }
};

// SELECT, then INSERT.
struct LooksBeforeItTakes final : Sharing {
  using Sharing::Sharing;
  bool acquire(Name name, Name holder, Milliseconds ttl, Name text) override {
    string other;
    for (const Lease& lease : leases_.held(name))
      if (lease.name == name) other = lease.holder;
    if (!other.empty()) return leases_.acquire(name, holder, ttl, text);
    std::this_thread::sleep_for(1ms);
    for (const Lease& lease : leases_.held(name))
      if (lease.name == name) leases_.release(name, lease.holder);
    leases_.acquire(name, holder, ttl, text);
    return true;
  }
};

// What is over is swept away, or not shown.
struct OverIsHidden final : Sharing {
  using Sharing::Sharing;
  bool acquire(Name name, Name holder, Milliseconds ttl, Name text) override {
    const bool taken = leases_.acquire(name, holder, ttl, text);
    if (taken) times_[string(name)] = ttl;
    return taken;
  }
  std::vector<Lease> held(Name prefix) const override {
    std::vector<Lease> shown;
    for (const Lease& lease : leases_.held(prefix)) {
      const auto time = times_.find(lease.name);
      if (time == times_.end() || time->second == 0ms || lease.age < time->second)
        shown.push_back(lease);
    }
    return shown;
  }
  inline static std::map<string, Milliseconds> times_;  // of all objects
};

// LIKE prefix || '%'.
struct PrefixByLike final : Sharing {
  using Sharing::Sharing;
  static bool like(Name text, Name pattern) {
    if (pattern.empty()) return true;
    if (pattern[0] == '%') {
      for (std::size_t i = 0; i <= text.size(); ++i)
        if (like(text.substr(i), pattern.substr(1))) return true;
      return false;
    }
    return !text.empty() && (pattern[0] == '_' || pattern[0] == text[0]) &&
           like(text.substr(1), pattern.substr(1));
  }
  std::vector<Lease> held(Name prefix) const override {
    std::vector<Lease> shown;
    for (const Lease& lease : leases_.held(""))
      if (like(lease.name, prefix)) shown.push_back(lease);
    return shown;
  }
};

struct InTheOrderOfTime final : Sharing {
  using Sharing::Sharing;
  std::vector<Lease> held(Name prefix) const override {
    auto shown = leases_.held(prefix);
    std::sort(shown.begin(), shown.end(),
              [](const Lease& a, const Lease& b) { return a.renewals < b.renewals; });
    return shown;
  }
};

struct AgeSinceItWasTaken final : Sharing {
  using Sharing::Sharing;
  bool acquire(Name name, Name holder, Milliseconds ttl, Name text) override {
    taken_[string(name)] = std::chrono::steady_clock::now();
    return leases_.acquire(name, holder, ttl, text);
  }
  std::vector<Lease> held(Name prefix) const override {
    auto shown = leases_.held(prefix);
    const auto now = std::chrono::steady_clock::now();
    for (Lease& lease : shown)
      if (const auto at = taken_.find(lease.name); at != taken_.end())
        lease.age = std::chrono::duration_cast<Milliseconds>(now - at->second);
    return shown;
  }
  inline static std::map<string, std::chrono::steady_clock::time_point> taken_;  // of all objects
};

struct TextOfTheFirst final : Sharing {
  using Sharing::Sharing;
  bool renew(Name name, Name holder, Milliseconds ttl, Name) override {
    for (const Lease& lease : leases_.held(name))
      if (lease.name == name) return leases_.renew(name, holder, ttl, lease.text);
    return false;
  }
};

struct TextOfC final : Sharing {
  using Sharing::Sharing;
  bool acquire(Name name, Name holder, Milliseconds ttl, Name text) override {
    return leases_.acquire(name, holder, ttl, text.substr(0, text.find('\0')));
  }
};

// A second acquire() of the same holder is "had already", and changes nothing.
struct HadAlready final : Sharing {
  using Sharing::Sharing;
  bool acquire(Name name, Name holder, Milliseconds ttl, Name text) override {
    for (const Lease& lease : leases_.held(name))
      if (lease.name == name && lease.holder == holder && lease.age < 100ms) return true;
    return leases_.acquire(name, holder, ttl, text);
  }
};

}  // namespace

SharingMutants mutants_in_leases() {
  return {
      {"lease-of-the-session", sharing<LeaseOfTheSession>},
      {"lease-time-of-the-object", sharing<TimeOfTheObject>},
      {"lease-without-end", sharing<WithoutEnd>},
      {"lease-zero-ends-at-once", sharing<ZeroEndsAtOnce>},
      {"lease-ends-too-early", sharing<EndsTooEarly>},
      {"lease-of-whole-seconds", sharing<WholeSeconds>},
      {"lease-time-is-an-int", sharing<TimeIsAnInt>},
      {"lease-renew-takes", sharing<RenewTakes>},
      {"lease-renew-of-anybody", sharing<RenewOfAnybody>},
      {"lease-release-by-anybody", sharing<ReleaseByAnybody>},
      {"lease-not-twice", sharing<NotTwice>},
      {"lease-looks-before-it-takes", sharing<LooksBeforeItTakes>},
      {"lease-over-is-hidden", sharing<OverIsHidden>},
      {"lease-prefix-by-like", sharing<PrefixByLike>},
      {"lease-in-the-order-of-time", sharing<InTheOrderOfTime>},
      {"lease-age-since-it-was-taken", sharing<AgeSinceItWasTaken>},
      {"lease-text-of-the-first", sharing<TextOfTheFirst>},
      {"lease-text-of-c", sharing<TextOfC>},
      {"lease-had-already", sharing<HadAlready>},
  };
}

}  // namespace mutants

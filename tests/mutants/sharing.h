#pragma once

#include "domed/leases.h"
#include "domed/watch.h"
#include "good.h"
#include "store-memory/shared_memory.h"

namespace mutants {

using domed::Change;
using domed::Changes;
using domed::Lease;
using domed::Leases;
using domed::Watch;
using Milliseconds = std::chrono::milliseconds;

// A store that several may have open, and its facets: hands everything on.
class Sharing : public Good, public Watch, public Leases {
 public:
  explicit Sharing(Inner inner)
      : Good(std::move(inner)),
        watch_(dynamic_cast<Watch&>(*inner_)),
        leases_(dynamic_cast<Leases&>(*inner_)) {}

  Changes wait(const std::string& cursor, Milliseconds timeout) override {
    return watch_.wait(cursor, timeout);
  }
  void interrupt() override { watch_.interrupt(); }

  bool acquire(std::string_view name, std::string_view holder, Milliseconds ttl,
               std::string_view text) override {
    return leases_.acquire(name, holder, ttl, text);
  }
  bool renew(std::string_view name, std::string_view holder, Milliseconds ttl,
             std::string_view text) override {
    return leases_.renew(name, holder, ttl, text);
  }
  void release(std::string_view name, std::string_view holder) override {
    leases_.release(name, holder);
  }
  std::vector<Lease> held(std::string_view prefix) const override { return leases_.held(prefix); }

 protected:
  Watch& watch_;
  Leases& leases_;
};

// Of the place "shared", with an engine that does something odd for once whenever there is a
// file "disturbed", which it removes.
struct Where {
  std::string shared, disturbed;
};
using MakeSharing = std::unique_ptr<Sharing> (*)(const Where& where);
using SharingMutants = std::map<std::string, MakeSharing>;

inline Inner shared_memory(const std::string& name) {
  return std::make_unique<domed::SharedMemory>(domed::MemoryPlace::named(name));
}

template <class Mutant>
std::unique_ptr<Sharing> sharing(const Where& where) {
  return std::make_unique<Mutant>(shared_memory(where.shared));
}

SharingMutants mutants_in_writing();
SharingMutants mutants_in_watches();
SharingMutants mutants_in_leases();

}  // namespace mutants

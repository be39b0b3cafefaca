#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "domed/leases.h"
#include "domed/watch.h"
#include "patient_store.h"
#include "store_fixture.h"

namespace conformance {

using domed::Lease;
using std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

// What "call" returns; an engine that is disturbed is asked until it answers.
template <class Call>
auto patiently(Call&& call) {
  return target.disturb.empty() ? call() : answered(call);
}

// The facets of "store", which has them.
class PatientWatch {
 public:
  explicit PatientWatch(domed::Store& store)
      : watch_(dynamic_cast<domed::Watch&>(plugin_object(store))) {}

  domed::Changes wait(const std::string& cursor, milliseconds timeout) {
    return patiently([&] { return watch_.wait(cursor, timeout); });
  }
  void interrupt() { watch_.interrupt(); }

 private:
  domed::Watch& watch_;
};

class PatientLeases {
 public:
  explicit PatientLeases(domed::Store& store)
      : leases_(dynamic_cast<domed::Leases&>(plugin_object(store))) {}

  bool acquire(const std::string& name, const std::string& holder, milliseconds ttl,
               const std::string& text = "") {
    return patiently([&] { return leases_.acquire(name, holder, ttl, text); });
  }
  bool renew(const std::string& name, const std::string& holder, milliseconds ttl,
             const std::string& text = "") {
    return patiently([&] { return leases_.renew(name, holder, ttl, text); });
  }
  void release(const std::string& name, const std::string& holder) {
    patiently([&] { leases_.release(name, holder); });
  }
  std::vector<Lease> held(const std::string& prefix) {
    return patiently([&] { return leases_.held(prefix); });
  }

 private:
  domed::Leases& leases_;
};

// Two objects on one place, as two daemons have it open.
class SharedTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    open_other();
  }

  domed::Store& other() { return *other_; }
  void close_other() { other_.reset(); }
  void open_other() { other_ = make_store(directory()); }

  // One entry through the other object.
  Outcome commit_there(const Draft& draft) {
    const Outcomes outcomes = writer_there_.commit(other(), {draft});
    EXPECT_EQ(1u, outcomes.size());
    return outcomes.empty() ? Outcome::unknown : outcomes[0];
  }
  // What the other object's own writer last gave to "job_id".
  std::string revision_there(const std::string& job_id) const {
    return writer_there_.revision(job_id);
  }

 private:
  std::unique_ptr<domed::Store> other_;
  Writer writer_there_;
};

}  // namespace conformance

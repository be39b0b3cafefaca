#pragma once

#include <chrono>
#include <memory>
#include <set>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "domed/store.h"

namespace conformance {

// Far above what any engine takes to come back: it is no measurement.
inline constexpr auto kOutage = std::chrono::seconds(90);

// What "call" returns, as soon as the engine answers.
template <class Call>
auto answered(Call&& call) {
  const auto deadline = std::chrono::steady_clock::now() + kOutage;
  for (;;) {
    try {
      return call();
    } catch (const domed::Error& error) {
      if (error.code() != domed::Code::io || std::chrono::steady_clock::now() > deadline) throw;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

// A store whose engine is disturbed, as the kernel uses it: it asks again while the store
// throws Error(io), and settles what is unknown by the next read, as domed/store.h says that
// it can be.  A test above it sees neither, and that a store breaks the rule fails it.
class PatientStore final : public domed::Store {
 public:
  explicit PatientStore(std::unique_ptr<domed::Store> store) : store_(std::move(store)) {}

  domed::Store& inside() { return *store_; }

  domed::Durability durability() const noexcept override { return store_->durability(); }
  std::string incarnation() const override { return store_->incarnation(); }
  std::vector<domed::Outcome> commit(std::span<const domed::Entry> entries) override;
  std::optional<domed::Slice> read(std::string_view job_id, std::uint64_t from,
                                   std::size_t max_events, std::size_t max_bytes,
                                   domed::Direction direction) const override;
  std::optional<domed::JobRecord> find(std::string_view job_id) const override;
  domed::JobPage list(const domed::ListQuery& query) const override;

 private:
  bool settle(std::span<const domed::Entry> entries, const std::set<std::string_view>& absent,
              std::vector<domed::Outcome>& outcomes);
  bool is_kept(const domed::Entry& entry) const;

  std::unique_ptr<domed::Store> store_;
};

}  // namespace conformance

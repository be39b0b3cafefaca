#include "lease_table.h"

#include "domed/store_rules.h"

namespace domed {
bool LeaseTable::acquire(std::string_view name, std::string_view holder, Milliseconds ttl,
                         std::string_view text) {
  check_lease(name, holder, text);
  const std::lock_guard lock(mutex_);
  const auto it = rows_.find(name);
  if (it != rows_.end() && it->second.holder != holder && !is_over(it->second)) return false;
  begin(it == rows_.end() ? rows_[std::string(name)] : it->second, holder, ttl, text);
  return true;
}

bool LeaseTable::renew(std::string_view name, std::string_view holder, Milliseconds ttl,
                       std::string_view text) {
  check_lease(name, holder, text);
  const std::lock_guard lock(mutex_);
  const auto it = rows_.find(name);
  if (it == rows_.end() || it->second.holder != holder || is_over(it->second)) return false;
  begin(it->second, holder, ttl, text);
  return true;
}

void LeaseTable::release(std::string_view name, std::string_view holder) {
  const std::lock_guard lock(mutex_);
  const auto it = rows_.find(name);
  if (it != rows_.end() && it->second.holder == holder) rows_.erase(it);
}

std::vector<Lease> LeaseTable::held(std::string_view prefix) const {
  const std::lock_guard lock(mutex_);
  std::vector<Lease> leases;
  for (auto it = rows_.lower_bound(prefix); it != rows_.end() && it->first.starts_with(prefix);
       ++it) {
    const Row& row = it->second;
    const auto age = std::chrono::duration_cast<Milliseconds>(now() - row.since);
    leases.push_back({it->first, row.holder, row.renewals, age, row.text});
  }
  return leases;
}

void LeaseTable::stop_clock() {
  const std::lock_guard lock(mutex_);
  stood_ = now();
  stopped_ = true;
}

void LeaseTable::turn(Milliseconds time) {
  const std::lock_guard lock(mutex_);
  stood_ += time;
}

bool LeaseTable::is_over(const Row& row) const {
  return row.ttl != Milliseconds::zero() && now() - row.since >= row.ttl;
}

void LeaseTable::begin(Row& row, std::string_view holder, Milliseconds ttl, std::string_view text) {
  row.holder = holder;
  row.text = text;
  row.renewals = ++renewals_;
  row.ttl = ttl;
  row.since = now();
}

}  // namespace domed

#include "shared_memory.h"

#include <exception>
#include <map>
#include <utility>

#include "guarded.h"

namespace domed {
std::shared_ptr<MemoryPlace> MemoryPlace::named(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<MemoryPlace>> places;
  if (name.empty()) return std::make_shared<MemoryPlace>();
  const std::lock_guard lock(mutex);
  std::erase_if(places, [](const auto& place) { return place.second.expired(); });
  std::weak_ptr<MemoryPlace>& place = places[name];
  auto found = place.lock();
  if (!found) place = found = std::make_shared<MemoryPlace>();
  return found;
}

std::vector<Outcome> SharedMemory::commit(std::span<const Entry> entries) {
  return guarded([&] {
    const std::lock_guard lock(place_->writing);
    std::vector<Outcome> outcomes = place_->jobs.commit(entries);
    // Behind the commit: a change that was told before could be one that a read does not show yet.
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (outcomes[i] == Outcome::done) tell(entries[i]);
    return outcomes;
  });
}

// What is committed is committed, even where there is no memory to tell of it.
void SharedMemory::tell(const Entry& entry) try {
  const std::string id(entry.job_id);
  if (entry.action == Entry::Action::drop) return place_->changes.forget(id);
  std::uint64_t head = entry.base + entry.ends.size();
  if (entry.action != Entry::Action::append) head = place_->jobs.find(id).value().head_seq;
  place_->changes.add({id, std::string(entry.revision), head, entry.columns.state});
} catch (const std::exception&) {
  place_->changes.lose();
}

std::optional<Slice> SharedMemory::read(std::string_view job_id, std::uint64_t from,
                                        std::size_t max_events, std::size_t max_bytes,
                                        Direction direction) const {
  return place_->jobs.read(job_id, from, max_events, max_bytes, direction);
}

std::optional<JobRecord> SharedMemory::find(std::string_view job_id) const {
  return place_->jobs.find(job_id);
}

JobPage SharedMemory::list(const ListQuery& query) const {
  return place_->jobs.list(query);
}

Changes SharedMemory::wait(const std::string& cursor, std::chrono::milliseconds timeout) {
  return guarded([&] { return place_->changes.wait(cursor, timeout, interrupted_); });
}

void SharedMemory::interrupt() {
  place_->changes.interrupt(interrupted_);
}

bool SharedMemory::acquire(std::string_view name, std::string_view holder,
                           std::chrono::milliseconds ttl, std::string_view text) {
  return guarded([&] { return place_->leases.acquire(name, holder, ttl, text); });
}

bool SharedMemory::renew(std::string_view name, std::string_view holder,
                         std::chrono::milliseconds ttl, std::string_view text) {
  return guarded([&] { return place_->leases.renew(name, holder, ttl, text); });
}

void SharedMemory::release(std::string_view name, std::string_view holder) {
  place_->leases.release(name, holder);
}

std::vector<Lease> SharedMemory::held(std::string_view prefix) const {
  return guarded([&] { return place_->leases.held(prefix); });
}

}  // namespace domed

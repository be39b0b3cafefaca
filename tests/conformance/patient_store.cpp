#include "patient_store.h"

#include <gtest/gtest.h>

namespace conformance {
namespace {

using domed::Entry;
using domed::Outcome;

}  // namespace

std::vector<Outcome> PatientStore::commit(std::span<const Entry> entries) {
  // A drop leaves nothing to tell by, but that the job was there.
  std::set<std::string_view> absent;
  for (const Entry& entry : entries)
    if (entry.action == Entry::Action::drop && !find(entry.job_id)) absent.insert(entry.job_id);
  // What throws io has done nothing, so that all of it may be done again.
  std::vector<Outcome> outcomes = answered([&] { return store_->commit(entries); });
  while (settle(entries, absent, outcomes)) {
  }
  return outcomes;
}

// Does again what was not done of that which is unknown; false: nothing is.  All of it as one
// batch: of a batch that must be refused nothing may be done, and entry by entry some would be.
bool PatientStore::settle(std::span<const Entry> entries, const std::set<std::string_view>& absent,
                          std::vector<Outcome>& outcomes) {
  const auto was_done = [&](const Entry& entry) {
    return !absent.contains(entry.job_id) && is_kept(entry);
  };
  std::vector<Entry> open;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < outcomes.size() && i < entries.size(); ++i) {
    if (outcomes[i] != Outcome::unknown) continue;
    outcomes[i] = Outcome::done;
    if (was_done(entries[i])) continue;
    open.push_back(entries[i]);
    places.push_back(i);
  }
  if (open.empty()) return false;
  const auto again = answered([&] { return store_->commit(open); });
  for (std::size_t i = 0; i < places.size(); ++i) {
    outcomes[places[i]] = again.at(i);
    if (outcomes[places[i]] == Outcome::conflict && was_done(open[i]))
      ADD_FAILURE() << "after 'unknown' for the job '" << open[i].job_id
                    << "' a read was answered while the commit could still be applied";
  }
  return true;
}

bool PatientStore::is_kept(const Entry& entry) const {
  const auto record = find(entry.job_id);
  if (entry.action == Entry::Action::drop) return !record;
  return record && record->revision == entry.revision;
}

std::optional<domed::Slice> PatientStore::read(std::string_view job_id, std::uint64_t from,
                                               std::size_t max_events, std::size_t max_bytes,
                                               domed::Direction direction) const {
  return answered([&] { return store_->read(job_id, from, max_events, max_bytes, direction); });
}

std::optional<domed::JobRecord> PatientStore::find(std::string_view job_id) const {
  return answered([&] { return store_->find(job_id); });
}

domed::JobPage PatientStore::list(const domed::ListQuery& query) const {
  return answered([&] { return store_->list(query); });
}

}  // namespace conformance

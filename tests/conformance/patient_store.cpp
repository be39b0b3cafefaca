#include "patient_store.h"

#include <gtest/gtest.h>

namespace conformance {
namespace {

using domed::Entry;
using domed::Outcome;

}  // namespace

std::vector<Outcome> PatientStore::commit(std::span<const Entry> entries) {
  // What throws io has done nothing, so that all of it may be done again.
  std::vector<Outcome> outcomes = answered([&] { return store_->commit(entries); });
  for (std::size_t i = 0; i < outcomes.size() && i < entries.size(); ++i)
    if (outcomes[i] == Outcome::unknown) outcomes[i] = settled(entries[i]);
  return outcomes;
}

// What an entry became of which that was unknown; it is done again where it was not done.
Outcome PatientStore::settled(const Entry& entry) {
  while (!was_done(entry)) {
    const Outcome again = answered([&] { return store_->commit({&entry, 1}).at(0); });
    if (again == Outcome::conflict && was_done(entry)) {
      ADD_FAILURE() << "after 'unknown' for the job '" << entry.job_id
                    << "' a read was answered while the commit could still be applied";
      return again;
    }
    if (again != Outcome::unknown) return again;
  }
  return Outcome::done;
}

bool PatientStore::was_done(const Entry& entry) const {
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

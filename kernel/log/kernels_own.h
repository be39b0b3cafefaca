#pragma once

#include <cstdint>
#include <string>

#include "domed/store.h"
#include "log/environment.h"
#include "log/job_log.h"
#include "log/sealed_store.h"

namespace domed {

// The store's own record, made with it.
inline constexpr const char* kStoreRecord = "domed.store";

// The secret of a store: 32 random bytes that were made with it, the "fixed" of its record
// "domed.store".  Makes them where there are none; of two who do at once both get the same.
// Before there is a journal, for it commits.  Throws Error; where the secret is sealed with a key
// that is not here, one that says with which.
std::string store_secret(SealedStore& store, Environment& environment);

// The same, where the secret is there and cannot be opened; looks at nothing else.
void must_open_secret(const SealedStore& store);

// Writes that record again as it is, to see whether the store keeps anything.  On the thread that
// commits.  Throws Error.
void touch(Store& store, Environment& environment);

// What all nodes of a store hold to (deployment/shared_settings.h): an external job without end, of
// which each event since its first is one application.  The newest holds.
inline constexpr const char* kClusterRecord = "domed.cluster";

struct KeptSettings {
  std::uint64_t revision = 0;  // how many were applied; 0: none
  std::int64_t at = 0;         // microseconds since 1970
  std::string text, file, by;  // what stands in it, what it was called, who applied it
};
// Throws Error, also Error(corruption) for what is none.
KeptSettings kept_settings(const Store& store);

// Makes "settings" the newest, unless others than those of "revision" are.  For Journal::run of
// kClusterRecord; returns their revision.  Throws ApiError(E_INVALID_TRANSITION) that has the
// present "revision", E_TOO_LARGE.
std::uint64_t keep_settings(JobLog& log, std::uint64_t revision, const KeptSettings& settings);

}  // namespace domed

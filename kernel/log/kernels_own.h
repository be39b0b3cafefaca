#pragma once

#include <string>

#include "domed/store.h"
#include "log/environment.h"

namespace domed {

// The store's own record, made with it.
inline constexpr const char* kStoreRecord = "domed.store";

// The secret of a store: 32 random bytes that were made with it, the "fixed" of its record
// "domed.store".  Makes them where there are none; of two who do at once both get the same.
// Before there is a journal, for it commits.  Throws Error.
std::string store_secret(Store& store, Environment& environment);

// Writes that record again as it is, to see whether the store keeps anything.  On the thread that
// commits.  Throws Error.
void touch(Store& store, Environment& environment);

}  // namespace domed

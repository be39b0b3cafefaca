#pragma once

#include "common/json.h"

namespace domed {

// The "provenance_end" record: the sources as they are "now", beside what they
// were "before".  "drift" is "true" where anything differs (all of it is in
// "moved"), "false" only where everything could be compared.
Json drift_record(const Json& before, const Json& now);

}  // namespace domed

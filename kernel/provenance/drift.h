#pragma once

#include "base/json.h"

namespace domed {

// The "provenance_end" record: the sources as they are "now", beside what they
// were "before".  "drift" is "true" where anything differs (all of it is in
// "moved"), "false" only where everything could be compared: of untracked files
// there is but a number, of what is changed inside a submodule but a flag.
Json drift_record(const Json& before, const Json& now);

}  // namespace domed

#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "domed/support/hash.h"

namespace domed {

// Where a runner finds what the daemon asks of it.
inline constexpr int kSpecDescriptor = 3;

// A note that a run's runner leaves in a file for the daemon, signed so that a job cannot
// forge it: "mac" is HMAC-SHA256 over the others' canonical form.  The key is the SHA-256 of
// the run's token, which only daemon and runner have.
Json signed_note(Json note, const std::string& token);
// The note, without its "mac"; an empty object where "text" is none, or not signed with the token
// whose SHA-256 is "key".
Json read_note(const std::string& text, const std::optional<Digest>& key);

}  // namespace domed

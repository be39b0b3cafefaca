#pragma once

#include <string>

#include "log/job.h"

namespace domed {

// `IdempotentSubmit`: by what a request is known again.  SHA-256 of its RFC 8785 form, where the
// values of "env" and "secret_env" are null: every reader sees it, and who guesses a short value
// could try what it comes to.  The values are compared themselves (have_same_values).
std::string request_hash(const Json& request);
// As it was made before: the values are in it.
std::string former_request_hash(const Json& request);

// Whether the values that request_hash() leaves out are equal, as far as both are known: a copy
// from elsewhere comes without them, and of a tombstone there is no request any more.
bool have_same_values(const Json& a, const Json& b);

// The hash of a record as it may be shown: "" where it is a former one, and would tell of values.
std::string shown_request_hash(const JobHead& head, const JobFixed& fixed);

}  // namespace domed

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "log/job.h"
#include "protocol/event.h"
#include "search/masks.h"

namespace domed {

// What must not be stored of the job: the values of "secret_env" in its request and its tool, and
// its tokens.  "token" is the one that a batch shows: the run's, or the job's own.
std::vector<std::string> secrets_of(const JobFixed& job, const std::string& token);

// Whether it shows at first sight that nothing of "event" is to be masked: behind escapes it does
// not.
bool is_clean(const Event& event, const Masks& masks);

// Takes out of "event" what "masks" name, wherever it stands in its payload: in values and keys,
// behind JSON's escapes, in the bytes of a log event's "b64", in numbers.  What was not masked
// stays byte for byte.  "count" goes up by what was replaced.  Throws ApiError(E_INVALID_REQUEST),
// whose text begins with "where", for an event that cannot be stored without: its type has it, or a
// value that must have a form of its own.
void mask(Event& event, const Masks& masks, const std::string& where, std::uint64_t& count);

}  // namespace domed

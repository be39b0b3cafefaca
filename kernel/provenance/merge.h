#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace domed {

// Objects of a provenance record hold, for each key, a value that is known, or
// the string "unknown" with KEY_reason beside it.  A known value may have a
// reason too, which then restricts it ("incomplete: ...").  Value and reason
// are one thing: these functions never part them.

bool is_unknown(const Json& value);

// "key" is not known, for "reason".
void put_unknown(Json& object, const std::string& key, const std::string& reason);
// "value", or unknown for "reason" where the value is empty.
void put_text(Json& object, const std::string& key, const std::string& value,
              const std::string& reason);

// "found", an object from outside, made honest at every level: null and ""
// become unknown, every unknown has a reason that fits into a line, and a reason
// without its value goes.  "source" names who gave it.
Json honest(const Json& found, const std::string& source);

// Adds "more" to "object", both honest: what is known beats what is unknown, at
// every level; between two that are known, or two that are not, the first stays.
void merge(Json& object, const Json& more);

// "text" as a reason can show it: one line of UTF-8, at most 1 KiB, never empty.
std::string reason_text(std::string_view text);

// Whether "key" is the reason of another key.
bool is_reason(std::string_view key);

}  // namespace domed

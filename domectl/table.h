#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "domectl/sink.h"
#include "domectl/terminal.h"

namespace domed::ctl {

// A field of "json" as a person reads it; empty where it is absent or null.
std::string field(const OrderedJson& json, const char* key);
// The object at "key"; an empty one where there is none.
OrderedJson part(const OrderedJson& json, const char* key);

// With small letters for those of ASCII: to look for, or to sort by.
std::string lower(std::string text);

// "  KEY  VALUE" for each field, nested ones as KEY.SUBKEY; for people and grep.
std::string listing(const OrderedJson& json);

// "42s ago" for an RFC 3339 time, by "now" in microseconds since 1970.
std::string age(const std::string& time, std::int64_t now);

}  // namespace domed::ctl

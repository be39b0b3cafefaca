#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "provenance/merge.h"

namespace domed {

// The provenance record as docs/provenance.schema.json describes it: which
// fields collectors fill and of what type, and its one canonical encoding.

inline constexpr const char* kProvenanceSchema = "domed.provenance/1";
inline constexpr const char* kProvenanceEndSchema = "domed.provenance_end/1";

// The fields whose difference between start and end is drift.
std::span<const char* const> drift_fields();

// What of "answer", given by collector "source", may go into a record: fields
// that collectors fill, of the right type, not too large.  A field that is wrong
// becomes unknown and says why; what is no collector's business is left out, and
// its name given to "refuse".
Json admit(const Json& answer, const std::string& source,
           const std::function<void(const std::string&)>& refuse);

// Makes "field" unknown for "reason"; "a.b" is the part b of the field a.
void put_unknown_at(Json& record, const std::string& field, const std::string& reason);

// Every field that collectors fill, and every part of it, that nobody filled
// becomes unknown.
void complete(Json& record);

// RFC 8785, so that equal records are equal bytes whoever merged them.  What
// would not fit into one event becomes unknown, the largest fields first.
std::string encode_record(Json record);

}  // namespace domed

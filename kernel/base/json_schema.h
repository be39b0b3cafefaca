#pragma once

#include <string>

#include "base/json.h"

namespace domed {

// The part of JSON Schema (draft 2020-12) that describes plain data: "type",
// "enum", "const"; "properties", "required", "additionalProperties"; "items",
// "minItems", "maxItems"; "minLength", "maxLength", "pattern"; "minimum",
// "maximum", "exclusiveMinimum", "exclusiveMaximum"; "allOf", "anyOf", "oneOf",
// "not"; and the annotations.  What is not understood is refused, never ignored.

// What is wrong with "schema" itself; empty: nothing.  "name" is what the message
// calls it, as in "input_schema.properties.epochs.minimum must be a number".
std::string schema_problem(const Json& schema, const std::string& name);

// Why "value" does not fit "schema", which has no problem; empty: it fits.
// "name" is what the message calls the value, as in "task.epochs must be at least 1".
std::string misfit(const Json& schema, const Json& value, const std::string& name);

}  // namespace domed

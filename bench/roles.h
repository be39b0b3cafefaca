#pragma once

#include <string>

#include "base/json.h"

namespace domed::bench {

// What a load generator does in a process of its own; docs at each definition.
using Role = Json (*)(const Json& params);
Role role_named(const std::string& name);

Json echo(const Json& params);  // raw_nng.cpp
Json raw_publish(const Json& params);
Json produce(const Json& params);  // produce.cpp
Json follow(const Json& params);   // follow.cpp

}  // namespace domed::bench

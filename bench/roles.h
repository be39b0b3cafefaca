#pragma once

#include <string>

#include "base/json.h"

namespace domed::bench {

// What a load generator does in a process of its own; docs at each definition.
using Role = Json (*)(const Json& params);
Role role_named(const std::string& name);

Json echo(const Json& params);  // raw_nng.cpp
Json raw_publish(const Json& params);
Json unix_echo(const Json& params);  // raw_unix.cpp
Json unix_send(const Json& params);
Json produce(const Json& params);        // produce.cpp
Json follow(const Json& params);         // follow.cpp
Json flood(const Json& params);          // flood.cpp
Json stock_produce(const Json& params);  // stock.cpp
Json stock_follow(const Json& params);
Json redis_produce(const Json& params);  // redis.cpp
Json redis_follow(const Json& params);

}  // namespace domed::bench

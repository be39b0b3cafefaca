#pragma once

#include <string>
#include <vector>

#include "deployment/listener.h"

namespace domed {

// What a role lets somebody do, for people: "read every job's output".
std::string deed_of(Role role, Audience audience);

// Who may do what at "listener", a line each: "any user of this machine: reader, may read every
// job's output".
std::vector<std::string> who_may(const Listener& listener, Audience audience);

// Whether a runner gets through to one of the control listeners, as one who may append: a process
// of the daemon's own user, who shows neither certificate nor token.
bool are_reached_by_runners(const std::vector<Listener>& listeners);

}  // namespace domed

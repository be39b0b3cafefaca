#pragma once

#include <string>
#include <vector>

#include "deployment/deployment.h"

namespace domed {

// What is done to a store while no daemon serves it.  Both open the deployment's store as a daemon
// does, so that one in use is refused; tell on stderr how far they are, where that is a terminal;
// return an exit code, and throw Error.

// "domed --check-store": reads everything.  1: something is not as it was written; each such piece
// is a line on stdout.
int check_whole_store(const Deployment& deployment);

// "domed --restore FILE": puts the copy in "file" into the store, which then has a new
// incarnation: logs that went on after the copy was made get a new log_id when they are next
// looked at.  A store that has jobs is left alone, unless "replace".
int restore_store(const Deployment& deployment, const std::string& file, bool replace);

// What the deployment says and settings of all nodes, which its store has, say otherwise: a line
// each; one that says why, where that cannot be told.
std::vector<std::string> beside_settings(const Deployment& deployment);

}  // namespace domed

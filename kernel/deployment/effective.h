#pragma once

#include <string>

#include "deployment/deployment.h"

namespace domed {

// All that holds in "deployment", defaults included, as the YAML of a deployment that means the
// same: what was relative is absolute, variables are replaced.  What is secret (options that a
// plugin declares so, values of a tool's "env") stands there as "***", or as a comment where that
// would be no value of its kind; keys that have no value are left out.
std::string effective_yaml(const Deployment& deployment);

}  // namespace domed

#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "yaml/yaml_check.h"

namespace domed {

// The value of an environment variable; nullopt: not set.
using Variables = std::function<std::optional<std::string>(std::string_view name)>;

// What this process was started with.
Variables process_variables();

// "text" with ${NAME} and ${NAME:-default} replaced; the default, used where NAME
// is unset or empty, may hold variables itself.  $$ is a dollar, and so is any $
// before another character.  ${UID} is always set.  Values are not expanded
// again.  Throws Error(invalid_argument).
std::string expand(std::string_view text, const Variables& variables);

// Expands every scalar below "node", but for keys, and for everything below a key that is one of
// "except"; problems go to "check".
void expand_tree(YamlNode& node, const Variables& variables, const std::vector<std::string>& except,
                 Checker& check);

}  // namespace domed

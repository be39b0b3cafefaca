#pragma once

#include <filesystem>
#include <string>

#include "yaml/yaml_fields.h"

namespace domed {

// "node.tls" and "node.token": who the runners of this node are to others, over a network, while it
// does not answer itself.  Absolute paths; empty: not given.
struct NodeCredentials {
  std::string ca, cert, key, token_file;
  bool operator==(const NodeCredentials&) const = default;
};

// Files lie at "directory"; problems go to "check".
NodeCredentials read_node_credentials(const YamlFields& node,
                                      const std::filesystem::path& directory, Checker& check);

}  // namespace domed

#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "loader/manifest.h"

namespace domed {

// One paragraph per plugin in "dirs": name, kind, version, summary, manifest, and
// why it cannot be used where it cannot.  Loads every library.
std::string list_plugins(const std::vector<std::filesystem::path>& dirs);

// A fragment of a deployment that uses the plugin, every option explained.
// Options that may be left out stand there with their defaults.
std::string explain(const Manifest& manifest);

}  // namespace domed

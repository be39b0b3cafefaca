#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace domed {

// The directories that the entries of a "plugin_path" name, in order: an
// absolute one as it stands; a relative one below "base", then below
// "installation", then below its library directory for domed.
std::vector<std::filesystem::path> plugin_dirs(const std::vector<std::string>& entries,
                                               const std::filesystem::path& base,
                                               const std::filesystem::path& installation);

// Every manifest in "dirs", sorted by name; of two with one name the first
// directory's.  Directories that are not there count as empty.
std::vector<std::filesystem::path> find_plugins(const std::vector<std::filesystem::path>& dirs);

// The manifest of "name".  Throws Error(not_found) that says where was looked
// and which plugins are there.
std::filesystem::path find_plugin(const std::string& name,
                                  const std::vector<std::filesystem::path>& dirs);

}  // namespace domed

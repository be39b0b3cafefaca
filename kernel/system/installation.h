#pragma once

#include <filesystem>

namespace domed {

// The directory above the one that holds this program: where an installation
// or a build keeps its plugins.
std::filesystem::path this_installation();

// The domed-runner that belongs to this program: the installed one, or the one that was built
// beside it.
std::filesystem::path runner_program();

}  // namespace domed

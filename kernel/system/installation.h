#pragma once

#include <filesystem>

namespace domed {

// The directory above the one that holds this program: where an installation
// or a build keeps its plugins.
std::filesystem::path this_installation();

// The domed-runner that belongs to this program: the installed one, or the one that was built
// beside it.  "with_tls": the same, which can also go to other nodes, and takes longer to load.
std::filesystem::path runner_program(bool with_tls = false);

}  // namespace domed

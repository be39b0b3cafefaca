#pragma once

#include <filesystem>
#include <string>

#include "system/file_lock.h"

namespace domed {

// Makes "dir" and what runs have below it, private, and keeps other daemons off it while the result
// lives: two of them would end each other's runs.  Throws Error.
FileLock claim_state_dir(const std::filesystem::path& dir);

// The id of the node that "dir", which is claimed, belongs to: 128 random bits in lower-case hex,
// made once and kept there in the file "node_id".  Throws Error where that says anything else.
std::string node_id(const std::filesystem::path& dir);

}  // namespace domed

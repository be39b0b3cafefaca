#pragma once

#include <filesystem>

#include "system/file_lock.h"

namespace domed {

// Makes "dir" and what runs have below it, private, and keeps other daemons off it while the result
// lives: two of them would end each other's runs.  Throws Error.
FileLock claim_state_dir(const std::filesystem::path& dir);

}  // namespace domed

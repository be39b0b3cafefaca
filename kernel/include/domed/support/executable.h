#pragma once

#include <string>
#include <string_view>

namespace domed {

// Whether "path" is a regular file that this process may execute.
bool is_executable(const std::string& path);

// The file that "name" stands for: itself where it is absolute, else what the
// list "search_path" (as in PATH) finds; empty: nothing.  Relative entries of
// the list and relative paths are skipped: what they name changes with the
// working directory.
std::string find_executable(const std::string& name, std::string_view search_path);

// A text that changes when the file at "path" is replaced or rewritten: device,
// inode, size, times of change.  Empty: there is none.
std::string file_stamp(const std::string& path);

}  // namespace domed

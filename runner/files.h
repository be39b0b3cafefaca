#pragma once

#include <string>

#include "system/fd.h"
#include "system/own_file.h"

namespace domed {

// Throws Error(io) naming "what" and errno's text.
[[noreturn]] void throw_errno(const std::string& what);

// The bytes of an open file, from its beginning; throws Error(io) where it cannot be read.
std::string read_all(int fd, const std::string& what);

bool exists(const std::string& path);

}  // namespace domed

#pragma once

#include <string>
#include <string_view>

#include "system/fd.h"

namespace domed {

// Throws Error(io) naming "what" and errno's text.
[[noreturn]] void throw_errno(const std::string& what);

// The file's bytes; throws Error(io) where it cannot be read.
std::string read_file(const std::string& path);

// Replaces "path" in one step; mode 0600.
void write_atomically(const std::string& path, std::string_view bytes);

// Writes all of "bytes" at "offset"; false with errno set where that failed.
bool write_fully(int fd, std::string_view bytes, std::size_t offset);

bool exists(const std::string& path);

// The lock on "path", held until the result goes; empty where another process
// holds it.
Fd try_lock(const std::string& path);

}  // namespace domed

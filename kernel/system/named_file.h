#pragma once

#include <cstddef>
#include <string>

namespace domed {

// Files that somebody named to us, in a deployment or by an option, and wrote for us.  What is none
// of them (a directory, a device) throws Error, which names the path, the cause and what to do.

// The bytes of "path", "most" of them at most.
std::string read_named(const std::string& path, std::size_t most);
// The same where they are a secret: refused where others than the file's owner and its group may
// read it, for then they may have done so.
std::string read_secret(const std::string& path);

}  // namespace domed

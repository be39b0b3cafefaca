#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>

#include "system/fd.h"

namespace domed {

// Of a socket's path, which ends with a NUL.
inline constexpr std::size_t kLongestSocketPath = sizeof(sockaddr_un::sun_path) - 1;

// Calls "action", bind or connect, with the address of the socket "name" in
// "directory", however long that path is; false with errno set where it failed.
bool at_socket(int (*action)(int, const sockaddr*, socklen_t), const Fd& socket,
               const std::string& directory, const std::string& name);

}  // namespace domed

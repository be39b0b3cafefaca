#pragma once

#include <sys/socket.h>

#include <string>

#include "system/fd.h"

namespace domed {

// Calls "action", bind or connect, with the address of the socket "name" in
// "directory", however long that path is; false with errno set where it failed.
bool at_socket(int (*action)(int, const sockaddr*, socklen_t), const Fd& socket,
               const std::string& directory, const std::string& name);

}  // namespace domed

#pragma once

#include <string>
#include <string_view>

#include "system/fd.h"

namespace domed::bench {

// Blocking stream sockets of this machine, as plain as they can be.  All throw
// std::runtime_error; of a receive, also where the peer has left.

Fd listen_unix(const std::string& path);
Fd accept_unix(const Fd& listener);
// Waits while the listener's queue is full.
Fd connect_unix(const std::string& path);

void send_all(const Fd& socket, std::string_view bytes);
// What there is, "most" bytes at most.
std::string_view receive_some(const Fd& socket, char* bytes, std::size_t most);
// Exactly "size" bytes.
void receive_all(const Fd& socket, char* bytes, std::size_t size);

}  // namespace domed::bench

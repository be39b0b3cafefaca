#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <optional>
#include <set>

namespace domed {

// Whether "address" is one of this machine alone, where nobody on the way can listen.
bool is_loopback(const sockaddr_storage& address);

// The address of whoever is at the other end of "socket"; nullopt: it is not connected.
std::optional<sockaddr_storage> other_end(int socket);

// The user of the process that has the end "theirs" of a TCP connection of this machine, whose
// other end is "ours"; only once that process has accepted it, before it is nobody's.  nullopt: the
// system's table does not have it.
std::optional<uid_t> user_at(const sockaddr_storage& theirs, const sockaddr_storage& ours);

// Of the processes that listen at "port" of this machine, whatever address of it; empty: none does.
std::set<uid_t> users_who_listen_at(unsigned port);

}  // namespace domed

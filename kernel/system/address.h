#pragma once

#include <string>
#include <string_view>

namespace domed {

// "192.0.2.1", "2001:db8::1": of the 4 or 16 bytes of an address; "" of others.
std::string ip_text(std::string_view bytes);

// Whom "socket" is connected to over a network: "192.0.2.1:5000", "[2001:db8::1]:5000"; "" where
// that is not known.
std::string peer_address(int socket);

}  // namespace domed

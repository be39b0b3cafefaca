#pragma once

#include <string>

namespace domed::faults {

// A connection to the socket at "path"; -1 where nobody listens.
int connect_to(const std::string& path);
// Listens at "path", whatever was there.
int listen_at(const std::string& path);

}  // namespace domed::faults

#pragma once

#include <string>

namespace domed {

// Tells a service manager that gave us $NOTIFY_SOCKET (systemd's Type=notify, and whoever else
// speaks sd_notify(3)) "state", such as "READY=1".  Nothing where there is none; what cannot be
// sent is not told anybody.  Thread-safe; does not block.
void tell_service_manager(const std::string& state);

// That a reload begins, which ends with the next READY=1.
std::string reloading();

}  // namespace domed

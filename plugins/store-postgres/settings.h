#pragma once

#include "domed/host.h"
#include "domed/options.h"
#include "server.h"

namespace domed::postgres {

// Throws Error(invalid_argument) for a URL that libpq does not take, or that holds a password.
Settings settings_of(const Options& options, Host& host);

}  // namespace domed::postgres

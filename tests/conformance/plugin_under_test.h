#pragma once

#include "host/loader.h"
#include "host/manifest.h"
#include "host/options.h"

namespace conformance {

// Loaded at the first call; throws domed::Error where it cannot be.
const domed::Plugin& plugin();

}  // namespace conformance

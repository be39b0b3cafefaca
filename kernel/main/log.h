#pragma once

#include <string>

#include "base/troubles.h"
#include "domed/host.h"

namespace domed {

// The daemon's own log, on standard error.  "level" is that of the deployment.
void set_up_log(const std::string& level);

// A line of a part that knows no logger.
void log_line(Level level, const std::string& line);
void log_warning(const std::string& line);
void log_trouble(Troubles::Word word, const std::string& text);

}  // namespace domed

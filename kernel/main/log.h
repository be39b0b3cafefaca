#pragma once

#include <string>

#include "base/json.h"
#include "base/troubles.h"
#include "domed/host.h"
#include "log/commit.h"

namespace domed {

// The daemon's own log, on standard error.  "level" is that of the deployment; "as_json": an object
// a line, {"time":…,"level":…,"message":…}.
void set_up_log(const std::string& level, bool as_json);

// A line of a part that knows no logger.
void log_line(Level level, const std::string& line);
void log_warning(const std::string& line);
// Of who did what (api/audit.h), whatever the level is; as JSON the object stands under "audit".
void log_audit(const OrderedJson& line);
// Of a job that was submitted, has started or is over; as JSON the object stands under "job".
void log_job(const JobNews& news);
void log_trouble(Troubles::Word word, const std::string& text);

}  // namespace domed

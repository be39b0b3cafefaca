#pragma once

#include <spdlog/sinks/sink.h>

#include <memory>
#include <string>

#include "api/dispatcher.h"
#include "base/json.h"
#include "base/troubles.h"
#include "deployment/log_settings.h"
#include "domed/host.h"
#include "log/commit.h"

namespace domed {

// Where the daemon's own log goes to, opened.
using LogTarget = std::shared_ptr<spdlog::sinks::sink>;

// Opens what "settings" name; a file that is there is opened anew, whoever moved it meanwhile.
// Throws Error(io).  As JSON an entry is an object, {"time":…,"level":…,"message":…}.
LogTarget open_log_target(const LogSettings& settings);
// From now on all lines from "level" on go to "target".  Thread-safe.
void use_log(const std::string& level, LogTarget target);

// A line of a part that knows no logger.
void log_line(Level level, const std::string& line);
void log_warning(const std::string& line);
// Of who did what (api/audit.h), whatever the level is; as JSON the object stands under "audit".
void log_audit(const OrderedJson& line);
// Of a job that was submitted, has started or is over; as JSON the object stands under "job".
void log_job(const JobNews& news);
// Of a request that was answered; at debug.
void log_request(const Dispatcher::News& news);
void log_trouble(Troubles::Word word, const std::string& text);

}  // namespace domed

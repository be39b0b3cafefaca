#pragma once

#include <string>

#include "protocol/api_error.h"

namespace domed::ctl {

// What went wrong, on stderr: for people in the words of the command line, with "json" as
// one JSON object {"error":NAME,"message":TEXT} with the fields that the daemon gave.
void report(const ApiError& error, bool json);
void report(const std::string& text, bool json);        // of domectl itself: E_DOMECTL
void report_usage(const std::string& text, bool json);  // E_USAGE

// The message of an error in the words of the command line, which the protocol's are not.
std::string in_own_words(const ApiError& error);

}  // namespace domed::ctl

#pragma once

#include <map>
#include <string>

namespace conformance {

// Runs "command" by sh, with "variables" added to the environment, to its end, and fails the
// test that runs unless it succeeds.  "what" names it in messages: "--cleanup".  Threads
// may be about; what the command starts in the background is left alone.
void run_command(const char* what, const std::string& command,
                 const std::map<std::string, std::string>& variables = {});

}  // namespace conformance

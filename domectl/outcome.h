#pragma once

#include <string>
#include <string_view>

namespace domed::ctl {

// Exit codes of "domectl run", as timeout(1) and the shells have them.
inline constexpr int kTimedOut = 124;
inline constexpr int kOwnFailure = 125;  // domectl's, or domed's, not the command's
inline constexpr int kNotStarted = 127;
inline constexpr int kCanceled = 130;
inline constexpr int kReaderGone = 141;  // as when SIGPIPE ends a program

// The exit code that the payload of a terminal state_change asks for.
int exit_code_of(std::string_view payload);

// What to tell a person about it; empty where the exit code says it all.
std::string outcome_text(std::string_view payload);

}  // namespace domed::ctl

#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace domed::ctl {

struct Context;

// The verb that prints a shell's script.
void add_completion(CLI::App& app, Context& context);

// Prints what may stand in the place of the last of "words", the command line without its first
// word: verbs and options as "app" has them, and what the daemon knows where it answers soon.  A
// line each, "text TAB words about it"; none where files may stand.
int complete(const CLI::App& app, const std::vector<std::string>& words, Context& context);

}  // namespace domed::ctl

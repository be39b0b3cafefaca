#pragma once

#include <string>

#include "base/json.h"

namespace domed {

// A tool's command may take arguments from the job's "task": {{task}} stands for
// the whole of it as JSON, {{task.lr}} or {{task.model.name}} for a text, number or
// boolean in it, {{task.lr:-0.1}} for that or, where it is absent, for 0.1.  Each
// argument stays one argument whatever is put in; no shell sees it.  Other braces
// stay as they are.

// What is wrong with the placeholders of "argument"; empty: nothing.
std::string template_problem(const std::string& argument);

// "command", an array of templates without problems, with "task" (an object, or
// null: nothing) filled in.  Throws Error(invalid_argument) where the task has
// no fitting value.
Json fill_command(const Json& command, const Json& task);

}  // namespace domed

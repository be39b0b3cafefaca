#pragma once

#include <string>

#include "log/job.h"

namespace domed {

// Whether the JSON of a record is what its readers take for granted: each key that they know has
// its type, inside of lists and maps too.  Returns what is not so; "" where all is well.
//
// What a request brings is checked more strictly when it comes (api/submission.h); this is for
// what a store gives back, which may be damaged.
std::string shape_problem(const JobFixed& fixed);

}  // namespace domed

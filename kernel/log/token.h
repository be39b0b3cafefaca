#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "log/job.h"

namespace domed {

// What a producer proves itself by.  A record keeps the SHA-256 of tokens alone, so that who reads
// a store cannot append.
//   run's token       a runner's: random, new with each start.  An external job's: an HMAC of the
//                     store's secret over the run, so that a repeated SubmitJob can be answered.
//   job's own token   made of the run's.  Its command may append progress and artifacts with it,
//   but
//                     not states or output.
std::string external_token(std::string_view store_secret, std::string_view run_id);
std::string job_token(std::string_view run_token);

// The SHA-256 of the run's token; of a record from before ABI 2 too, which has that itself.
// nullopt: nobody may append.
std::optional<Digest> run_token_of(const JobHead& head, const JobFixed& fixed);

// Whether "token" is the one whose SHA-256 is "known".
bool is_token(const std::optional<Digest>& known, std::string_view token);

}  // namespace domed

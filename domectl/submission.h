#pragma once

#include <string>
#include <vector>

#include "domectl/context.h"

namespace domed::ctl {

// What "run" and "submit" are told of a job, as it was given.
struct Submission {
  std::string name, cwd, timeout, tool, task, key, client_id, executor;
  // As typed; times and sizes are read by params_of(), whose errors name the option.
  std::string queue, node, input, not_before, backoff, expires, wait;
  int priority = 0, attempts = 1;
  std::vector<std::string> env, secret_env, labels, limits, after;
  bool quiet = false, hold = false, tty = false, accept_imported = false;
};

// What an option of the form NAME=VALUE was given.  Throws UsageError.
Json pairs(const std::vector<std::string>& given, const char* option);

void add_submission_options(CLI::App& verb, Submission& job);

// The params of SubmitJob.  Without a --key it has a random one, so that a request whose reply
// was lost is not a second job.  Reads standard input where that was asked for.  Throws
// UsageError.
Json params_of(Context& context, const Submission& job, const std::vector<std::string>& command);
// Throws UsageError where the daemon does not know what the job asks for: an older one would refuse
// the whole request, in other words.
void ask_for_features(Context& context, const Submission& job);

}  // namespace domed::ctl

#pragma once

#include <string>

#include "client/follower.h"
#include "domectl/context.h"
#include "domectl/printer.h"

namespace domed::ctl {

// A follow on behalf of a person: prints events, keeps the outcome, and knows
// the command that resumes it.
class Watch {
 public:
  // "flags" are those of the follow that resumes it.
  Watch(Context& context, FollowOptions options, Printer::Options printing, bool quiet,
        std::string flags);

  // Throws Error(io), with the command that resumes, where the output cannot be written.
  FollowEnd run();
  // The payload of the terminal event; empty before it came.
  const std::string& outcome() const { return outcome_; }
  // The job that tries this one again; empty where none does.
  const std::string& next_attempt() const { return next_attempt_; }
  std::string resume_command() const;

 private:
  FollowOptions with_hooks(FollowOptions options);
  FollowEnd follow();

  Context& context_;
  const std::string job_id_;
  const bool quiet_;
  const std::string flags_;
  Printer printer_;
  Follower follower_;
  std::string outcome_, next_attempt_;
};

}  // namespace domed::ctl

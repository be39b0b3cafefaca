#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "client/follower.h"
#include "domectl/context.h"
#include "domectl/printer.h"
#include "domectl/sieve.h"

namespace domed::ctl {

// Which events standard output has taken as a whole.  Not the same as those that were
// read: some wait in a buffer, and one may be cut where the disk was full.
//
// One thread tells, any may ask.
class WrittenEvents {
 public:
  WrittenEvents(const Sink& output, std::uint64_t since) : output_(output), last_(since) {}

  // All of event "seq" was put.
  void put(std::uint64_t seq);
  std::uint64_t last() const;

 private:
  struct Mark {
    std::uint64_t seq, end;
  };
  void forget_written() const;

  const Sink& output_;
  mutable std::mutex mutex_;
  mutable std::deque<Mark> waiting_;
  mutable std::uint64_t last_;
};

// Says when the daemon is away, and when it is back.
void say_connection(bool alive);

// "text" as a word for a shell.
std::string shell_word(const std::string& text);

// Follows as Follower::run() does, at most up to and with event "until".
FollowEnd follow_until(Follower& follower, std::uint64_t until, const Follower::OnEvent& on_event);

// A follow on behalf of a person: prints events, keeps the outcome, and knows
// the command that resumes it.
class Watch {
 public:
  // "flags" are those of the follow that resumes it; it ends with event "until".
  Watch(Context& context, FollowOptions options, Printer::Options printing, bool quiet,
        std::string flags, std::uint64_t until = UINT64_MAX);

  // Throws Error(io), with the command that resumes, where the output cannot be written.
  FollowEnd run();
  // The payload of the terminal event; empty before it came.
  const std::string& outcome() const { return outcome_; }
  // The job that tries this one again; empty where none does.
  const std::string& next_attempt() const { return next_attempt_; }
  // Goes on behind the last event that was written.  For any thread.
  std::string resume_command() const;
  // Says it, unless it was said.  For any thread.
  void say_resume(const char* before);

 private:
  FollowOptions with_hooks(FollowOptions options);
  Printer::Options with_created(Printer::Options options);
  FollowEnd follow();
  std::unique_ptr<Sieve> sieve_of(const View* view);
  void show(std::string_view line);
  void know_log();
  void look_at(std::string_view line);

  Context& context_;
  const std::string job_id_;
  const bool quiet_;
  const Printer::Form form_;
  const std::string flags_;
  const std::uint64_t until_;
  Printer printer_;
  std::unique_ptr<Sieve> sieve_;  // null: all is seen
  WrittenEvents written_;
  Follower follower_;
  std::string outcome_, next_attempt_;
  mutable std::mutex mutex_;
  std::string log_id_;
  std::atomic_flag said_;
};

}  // namespace domed::ctl

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace domed {

// What keeps a queued job from running, as values; why() makes words of them.
struct Waiting {
  // Of a job that has a slot: nothing but its own start keeps it.
  struct Start {
    // Since when its runner is there, which has not reported the command; none: it is not yet.
    std::optional<std::chrono::seconds> runner_for;
  };
  std::optional<Start> start;

  bool external = false;  // its producer says when it runs
  bool held = false;
  std::set<std::string> needs;                   // ids of jobs that have to succeed first
  std::int64_t not_before = INT64_MIN, now = 0;  // microseconds since 1970
  std::string queue;
  std::size_t queue_running = 0;
  std::optional<std::size_t> queue_limit;
  std::size_t running = 0, max_running = 0;
  bool stopping = false;  // the daemon starts nothing any more
  bool draining = false;  // nor this node among others, which may
  std::string trouble;    // what failed, and is tried again

  bool is_queue_full() const { return queue_limit && queue_running >= *queue_limit; }
  bool is_daemon_full() const { return running >= max_running; }
  // Never empty; several reasons are joined by "; ".
  std::string why() const;
};

// What a queued job waits behind.
struct Turn {
  std::size_t ahead = 0;             // jobs that wait for nothing but their turn, and come first
  std::vector<std::string> holders;  // ids of jobs that have the slots that it waits for
};

}  // namespace domed

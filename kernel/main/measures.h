#pragma once

#include <filesystem>
#include <functional>

#include "base/metrics.h"
#include "log/commit.h"
#include "log/journal.h"

namespace domed {

// What of the whole daemon is measured, beside what its parts count.
struct Gauges {
  std::function<std::size_t()> connections, subscribers, requests_under_way, held_polls, queued,
      running, troubles;
  std::function<std::uint64_t()> frames_lost;
  std::filesystem::path state_dir;  // whose disk is looked at
};

// Adds "gauges", and what the process itself takes.
void measure(Metrics& metrics, const Gauges& gauges);
// Has the journal's commits counted and timed.
void measure(Metrics& metrics, StoreWatch& watch);
// Counts a job that was submitted, or is over, by how it ended and how long it took.
void count(Metrics& metrics, const JobNews& news);

}  // namespace domed

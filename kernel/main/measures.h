#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/metrics.h"
#include "log/commit.h"
#include "log/journal.h"

namespace domed {

// What of the whole daemon is measured, beside what its parts count.
struct Gauges {
  std::function<std::size_t()> connections, subscribers, requests_under_way, held_polls, running,
      troubles;
  std::function<std::uint64_t()> frames_lost;
  std::function<bool()> store_fails;
  std::function<Metrics::Values()> queued, oldest;  // by queue: how many, and seconds
  std::filesystem::path state_dir;                  // whose disk is looked at
};

// Bytes left for whom is not root; nullopt: nothing can be said.
std::optional<std::uint64_t> free_bytes(const std::filesystem::path& directory);

// Adds "gauges", and what the process itself takes.
void measure(Metrics& metrics, const Gauges& gauges);
// Has a collector's answers timed.
void measure(Metrics& metrics, const std::string& collector, std::chrono::nanoseconds took,
             bool ok);
// Has the journal's commits counted and timed.
void measure(Metrics& metrics, StoreWatch& watch);
// Counts a job that was submitted, or is over, by how it ended and how long it took.
void count(Metrics& metrics, const JobNews& news);

}  // namespace domed

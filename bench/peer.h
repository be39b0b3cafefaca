#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "bench/options.h"
#include "bench/report.h"

namespace domed::bench {

// What cannot be measured on this machine, and why: no failure, and no figure either.
struct Skip : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Of a program in PATH or in one of "directories"; nullopt: it is not installed.
std::optional<std::string> find_program(const std::string& name,
                                        const std::vector<std::string>& directories = {});

// Each measures, on a server of its own that is gone afterwards, and adds figures
// "peer.…".  Throws Skip where the programs are not there.

bool redis_is_installed();
// One acknowledged event at a time, appendfsync always.
void redis_singles(const Options& options, Report& report);
// From a producer's send to "followers", 1,000 events/s, appendfsync always.  Returns the
// name of its p50.
std::string redis_live(const Options& options, Report& report, std::uint64_t followers);

// One durable row at a time.
void postgres_singles(const Options& options, Report& report);

}  // namespace domed::bench

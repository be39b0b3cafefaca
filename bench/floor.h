#pragma once

#include <string>

#include "bench/options.h"
#include "bench/report.h"

namespace domed::bench {

// Each measures one part of the floor once, and adds it under the name it returns.
std::string floor_sqlite_batches(const Options& options, Report& report, std::uint64_t jobs);
std::string floor_sqlite_single(const Options& options, Report& report);
std::string floor_fdatasync(const Options& options, Report& report);
std::string floor_request(const Options& options, Report& report);
std::string floor_publish(const Options& options, Report& report);
std::string floor_unix_request(const Options& options, Report& report);
std::string floor_unix_oneway(const Options& options, Report& report);

}  // namespace domed::bench

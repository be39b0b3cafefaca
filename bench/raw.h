#pragma once

#include <string>

#include "bench/latency.h"

namespace domed::bench {

// What the machine gives without domed, each as plain as it can be.

// Bytes of a request and of what is published.
inline constexpr std::size_t kRequest = 200, kMessage = 300;

// Events a second into SQLite, WAL and synchronous=FULL, a row for each event,
// 1,000 in a transaction, spread over "jobs" jobs.
double raw_sqlite_batches(const std::string& directory, std::uint64_t jobs, std::uint64_t commits);
// One row in a transaction.
Latency raw_sqlite_singles(const std::string& directory, std::uint64_t commits);
// 4 KiB appended, then fdatasync.
Latency raw_fdatasync(const std::string& directory, std::uint64_t writes);
// Requests to another process, one at a time.
Latency raw_request(const std::string& directory, std::uint64_t requests);
// Messages from another process, 1,000/s, one subscriber.
Latency raw_publish_latency(const std::string& directory, std::uint64_t messages);
// The same two on a Unix stream socket with blocking calls, both 1,000/s.
Latency raw_unix_request(const std::string& directory, std::uint64_t requests);
Latency raw_unix_oneway(const std::string& directory, std::uint64_t messages);

}  // namespace domed::bench

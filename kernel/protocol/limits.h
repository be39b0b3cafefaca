#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace domed::limits {

// What one request, job or page may take; docs/protocol.md lists it, and ListCapabilities tells
// it to a client that has not read that.  The bounds hang together: 448 KiB of event lines, as
// strings in which each byte may be escaped once more (ImportJob), still fit into a request.
inline constexpr std::size_t kRequestBytes = 1 << 20;
inline constexpr std::size_t kEventBytes = 64 * 1024;   // one encoded event line
inline constexpr std::size_t kBatchBytes = 448 * 1024;  // encoded lines of one batch
inline constexpr std::size_t kBatchEvents = 4096;
inline constexpr std::size_t kProducers = 16;     // to one job
inline constexpr std::size_t kKeptOutcomes = 64;  // of one producer's batches
inline constexpr std::size_t kBatchesAhead = 64;
inline constexpr std::size_t kStreams = 8;               // named in one job's log events
inline constexpr std::size_t kArtifactBytes = 64 << 10;  // of their payloads together
inline constexpr std::size_t kArtifacts = 256;           // shown in a status
inline constexpr std::size_t kNameBytes = 128;           // stream, type, producer_id, tool_id
inline constexpr std::size_t kKeyBytes = 512;            // idempotency_key, client_id, job_id
inline constexpr std::size_t kMessageBytes = 4096;       // message of a state change
inline constexpr std::size_t kPageEvents = 10000;
inline constexpr std::size_t kPageBytesLeast = 4 * 1024;
inline constexpr std::size_t kPageBytesMost = 4 << 20;
inline constexpr std::size_t kFrameBytes = 256 * 1024;
inline constexpr std::chrono::milliseconds kGapWait{1000};
inline constexpr std::int64_t kWaitMsMost = 10000;

}  // namespace domed::limits

#pragma once

#include <string>
#include <vector>

#include "bench/server.h"

namespace domed::bench {

// Steps that several verbs share.  Each throws where a result is not whole.

std::vector<Job> submit_all(Client& client, std::uint64_t count, const std::string& prefix);
Json ids_of(const std::vector<Job>& jobs);

// Bytes of text that make a payload of 128.
inline constexpr std::size_t kText = 94;

// Requests that one connection keeps under way, where a verb wants it full.
inline constexpr std::size_t kUnderWay = 64;

// What "produce" is told: "batches" of "size" events, to each job.
Json produce_params(const Server& server, const std::vector<Job>& jobs, std::uint64_t batches,
                    std::uint64_t size, std::size_t bytes);
// Runs a "produce" to its end.
Json produce_all(const Json& params);

// Runs "follow" over what there is; "events" must have come in all.
Json read_all(const std::string& endpoint, const Json& ids, std::uint64_t events);

// Produces to jobs that are followed, and checks that "followers" of each got
// all; the jobs are to be new, and end.  A "role" in the params is instead of "produce" or
// "follow", an "endpoint" to follow instead of the server's over ipc.
struct Followed {
  Json produced, seen;
  double cpu_seconds = 0;  // of daemon and followers, from go to the end
  double daemon_cpu_seconds = 0;
  double seconds = 0;  // from go to the last delivery
};
Followed produce_to_followers(Server& server, const std::vector<Job>& jobs, Json produce,
                              Json follow);

}  // namespace domed::bench

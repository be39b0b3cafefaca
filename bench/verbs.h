#pragma once

#include <string_view>

#include "bench/options.h"
#include "bench/report.h"

namespace domed::bench {

// One measurement: adds its figures and targets to the report.  Throws where a
// figure would not be of complete results.
struct Verb {
  const char* name;
  const char* about;
  void (*run)(const Options& options, Report& report);
};

void run_floor(const Options& options, Report& report);
void run_append(const Options& options, Report& report);
void run_live(const Options& options, Report& report);
void run_replay(const Options& options, Report& report);
void run_fanout(const Options& options, Report& report);
void run_jobs(const Options& options, Report& report);
void run_growth(const Options& options, Report& report);
void run_restart(const Options& options, Report& report);
void run_store(const Options& options, Report& report);
void run_pages(const Options& options, Report& report);
void run_health(const Options& options, Report& report);
void run_idle(const Options& options, Report& report);
void run_peer(const Options& options, Report& report);
void run_tls(const Options& options, Report& report);
void run_flood(const Options& options, Report& report);
void run_nodes(const Options& options, Report& report);
void run_output(const Options& options, Report& report);

inline constexpr Verb kVerbs[] = {
    {"store", "a store alone: appends of batches and of single events, reading a log", run_store},
    {"pages", "a store alone: pages of every kind at 1,000,000 jobs and 10,000,000 lines",
     run_pages},
    {"floor", "raw SQLite, fdatasync, Unix sockets and nng, without domed", run_floor},
    {"append", "durable appends: 8 pipelined producers, and one event at a time", run_append},
    {"live", "from a producer's send to 1 and to 64 followers, 1,000 events/s", run_live},
    {"replay", "a log of 1,000,000 events, warm and cold; resuming one of 1,000 jobs", run_replay},
    {"fanout", "64 followers of one job at full speed", run_fanout},
    {"jobs", "1,000 live jobs against 10; commands run to their end", run_jobs},
    {"growth", "10,000,000 events in 100,000 jobs against an empty store", run_growth},
    {"restart", "from kill -9 to serving again", run_restart},
    {"health", "requests a second, 64 under way on one connection", run_health},
    {"idle", "10,000 connections that say nothing: memory, and what a new client waits", run_idle},
    {"peer", "what Redis or PostgreSQL takes for the same, on a server of its own", run_peer},
    {"tls", "over TLS beside ipc: following at full speed, a request, 1,000 idle connections",
     run_tls},
    {"flood", "what a paced client waits beside four that flood, and alone", run_flood},
    {"nodes", "three daemons on one store against one, and a store 5 ms away", run_nodes},
    {"output", "1,000,000 lines from a command to a follower", run_output},
};

}  // namespace domed::bench

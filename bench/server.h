#pragma once

#include <memory>
#include <string>

#include "bench/child.h"
#include "bench/options.h"
#include "client/client.h"

namespace domed::bench {

// A directory that is gone at the end.
class Directory {
 public:
  explicit Directory(const Options& options);
  ~Directory();
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// What a daemon listens at beside ipc, as YAML: ", {url: …}, {url: …}".
struct Listeners {
  std::string control, events;
};

// A real daemon on an empty store of its own.
class Server {
 public:
  explicit Server(const Options& options, int max_running = 8, int shards = 1,
                  const Listeners& more = {})
      : Server(options, max_running, shards, more, nullptr) {}
  // One of several, on the store that is at home in "place".
  Server(const Options& options, const Directory& place) : Server(options, 8, 1, {}, &place) {}

  void start();  // returns when it serves
  void stop() { process_->end(15); }
  void kill() { process_->end(9); }
  // What the database's files hold is read from the disk next.  Only while stopped.
  void forget_cached_pages() const;

  const std::string& endpoint() const { return endpoint_; }
  // The first of a scheme, as the log has it.
  std::string endpoint(const std::string& scheme) const;
  const Child& process() const { return *process_; }
  Client& client() { return *client_; }
  std::uint64_t disk_bytes() const;

 private:
  Server(const Options& options, int max_running, int shards, const Listeners& more,
         const Directory* place);

  const Options& options_;
  Directory directory_;
  std::string endpoint_;
  std::unique_ptr<Child> process_;
  std::unique_ptr<Client> client_;
};

struct Job {
  std::string id, token;
};

// An external job, queued; a producer reports the rest.
Job submit(Client& client, const std::string& key);
// Likewise, and running: its producer "bench" goes on with batch 2.
Job submit_running(Client& client, const std::string& key);

// A JSON array of "count" log events whose text has "bytes" bytes and begins
// with "stamp".
std::string log_events(std::uint64_t count, std::size_t bytes, const std::string& stamp);

inline constexpr const char* kRunning = R"([{"type":"state_change","payload":{"to":"running"}}])";
inline constexpr const char* kSucceeded =
    R"([{"type":"state_change","payload":{"to":"succeeded","exit_code":0}}])";

}  // namespace domed::bench

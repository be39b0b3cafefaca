#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "transport/nng/socket.h"

namespace domed {

// A scratch directory that goes with its owner.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Enough of a daemon to follow one job's log and to append to it, with faults to
// order: it can lose requests and replies, mute its frames, and start again.
class FakeDaemon {
 public:
  // "result" of a method; nullopt: the reply is lost; may throw ApiError.
  using Method = std::function<std::optional<Json>(const Json& params)>;

  explicit FakeDaemon(const std::string& directory);
  ~FakeDaemon() { stop(); }

  void start();  // with a new epoch
  void stop();

  std::string control() const { return "ipc://" + directory_ + "/control.ipc"; }
  std::string events() const { return "ipc://" + directory_ + "/events.ipc"; }

  // Replaces a method.
  void answer(const std::string& method, Method how);
  // Appends an event to job "job-1", and publishes its frame.
  void append(const std::string& type, const std::string& payload);
  void finish() { append("state_change", R"({"from":"running","to":"succeeded","exit_code":0})"); }

  std::vector<std::string> lines();
  int calls(const std::string& method);

  std::atomic<bool> mute{false};   // no frames of the job
  std::atomic<bool> beats{true};   // the daemon's sign of life
  std::atomic<int> lose_every{0};  // n: every n-th reply is lost
  std::atomic<std::size_t> page_events{1000};
  std::string log_id = "00112233445566778899aabbccddeeff";
  std::optional<std::string> other_events_url;

 private:
  void serve();
  void beat();
  std::optional<std::string> reply_to(const std::string& request);
  std::optional<Json> built_in(const std::string& method, const Json& params);
  std::string stream(const Json& params);
  Json append_batch(const Json& params);
  void add(const std::string& type, const std::string& payload);
  void publish(const std::string& message);
  std::string frame(std::uint64_t first);

  const std::string directory_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool running_ = false;
  int epoch_ = 0, replies_ = 0;
  std::string state_ = "running";
  std::vector<std::string> lines_;
  std::map<std::string, Method> methods_;
  std::map<std::string, int> calls_;
  std::uint64_t last_batch_ = 0;
  std::map<std::uint64_t, std::pair<std::string, Json>> batches_;
  std::optional<Socket> rep_, pub_;
  std::vector<nng_ctx> contexts_;
  std::vector<std::thread> threads_;
};

}  // namespace domed

#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <sstream>
#include <string>

#include "daemon_process.h"
#include "proxy.h"
#include "recorded.h"

namespace domed::faults {

// A scratch directory that goes with its owner.
class Directory {
 public:
  Directory();
  ~Directory();
  std::string path(const std::string& name = "") const {
    return name.empty() ? path_ : path_ + "/" + name;
  }

 private:
  std::string path_;
};

// A daemon, clients whose history is recorded, and a check of it at the end.
class Scene : public ::testing::Test {
 protected:
  // Called first by each test.
  void begin(const std::string& store, const std::string& database = "");
  // From here on clients go through a proxy.
  void put_between(const std::string& plan, std::uint64_t seed);

  std::string endpoint() const { return proxy ? proxy->control() : daemon->control(); }
  Json submit_external(const std::string& key);
  Json submit_command(const std::string& key, const std::vector<std::string>& command);
  ProducerOptions producer_of(const Json& job, const std::string& id) const;
  // A whole job from running to succeeded, each batch flushed before the next where "step".
  void produce(const Json& job, int batches, bool step,
               const std::function<void()>& before_the_end = {});
  history::Ended follow(const std::string& who, const Json& job, FollowOptions options = {},
                        const Follower::OnEvent& on_event = {});
  // Status and snapshot of the job, then every clause over all that was recorded.
  void audit(const std::vector<Json>& jobs);

  Directory directory;
  std::unique_ptr<DaemonProcess> daemon;
  std::unique_ptr<Proxy> proxy;
  std::stringstream out;
  std::unique_ptr<history::Recorder> recorder;
};

// A batch of "count" log events, unlike any other's.
std::string lines_of(int batch, int count, std::size_t size = 20);
extern const char* const kRunning;
extern const char* const kSucceeded;

}  // namespace domed::faults

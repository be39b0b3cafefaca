#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "daemon_process.h"
#include "proxy.h"
#include "recorded.h"

namespace domed::soak {

struct Options {
  std::string bin, plugins, store = "store-sqlite", plan = "random", keep;
  std::uint64_t seed = 0;
  int seconds = 10;
  int kills = 0;  // so many kill -9 of the daemon, instead of a time
  int jobs = 0;   // so many short jobs, instead of a time
  int producers = 8, followers = 8;
  std::string store_options;  // as YAML
  bool forgets = false;       // the store goes with its daemon
  int nodes = 1;              // above 1: a NodesSoak (nodes.h)
  std::string server;         // then: the directory of its database
  bool failover = false;      // and whether that fails over to a standby
  std::string disturb;        // a file that the store's engine goes away for; empty: none
};

struct Job {
  std::string id, log_id, run_id, token;
  std::string expected;  // SHA-256 of a command's output; empty: an external job
};

// What producers hand to followers.
class Queue {
 public:
  void push(Job job);
  // nullopt: closed and empty.
  std::optional<Job> pop();
  void close();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  bool closed_ = false;
};

// A run: a daemon, a proxy before it, producers and followers, and somebody who
// breaks things; afterwards all that was seen is checked.
class Soak {
 public:
  explicit Soak(Options options);
  ~Soak();

  // Prints what it did; false: the contract was broken.
  bool run();

 private:
  using Dice = std::mt19937_64;

  // producing.cpp
  void produce(int number);
  void external_job(const std::string& who, const std::string& key, Dice& dice);
  void command_job(const std::string& who, const std::string& key, Dice& dice);
  void short_job(int number);
  void hand_over(const Job& job);
  Json submit(const std::string& who, const Json& params);

  // following.cpp
  void follow_jobs(int number);
  void follow(const std::string& who, const Job& job, bool frames);
  void follow_in_pieces(const std::string& who, const Job& job, Dice& dice);
  void follow_as_process(const std::string& who, const Job& job, Dice& dice);
  std::string run_domectl(const Job& job, const std::string& out, Dice& dice);
  void ended(const Job& job, const history::Ended& ended, const std::string& last_line);
  void audit();
  void audit(const Job& job, Client& client);

  // chaos.cpp
  void break_things();
  void kill_daemon();
  void kill_runner(Dice& dice);
  void disturb();
  std::optional<Job> any_command(Dice& dice);

  bool going_on() const;
  bool durable() const { return !options_.forgets; }
  void problem(const std::string& text);
  void report() const;
  bool check();

  const Options options_;
  std::string directory_, plan_;
  std::unique_ptr<faults::DaemonProcess> daemon_;
  std::unique_ptr<faults::Proxy> proxy_;
  std::ofstream history_;
  std::unique_ptr<history::Recorder> recorder_;
  std::unique_ptr<Client> client_;
  std::chrono::steady_clock::time_point end_;
  Queue queue_;

  std::mutex mutex_;
  std::vector<Job> jobs_;
  std::vector<std::int64_t> delays_;  // microseconds from a terminal event's ts to its follow's end
  std::vector<std::string> problems_;
  std::condition_variable quiet_;
  bool done_ = false;
  std::atomic<bool> failed_{false};  // nothing more can come of it
  std::atomic<int> kills_{0}, cuts_{0}, runner_kills_{0}, stops_{0}, disturbances_{0}, next_job_{0};
  std::atomic<std::uint64_t> events_{0}, follows_{0}, terminal_{0};
};

}  // namespace domed::soak

#pragma once

#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "daemon_process.h"
#include "database.h"
#include "recorded.h"
#include "soak.h"
#include "wire.h"

namespace domed::soak {

// Several nodes on one database, clients that go to any of them, and somebody who kills, stops and
// cuts off nodes and their database; afterwards all that was seen is checked.
//
// The times are short, so that deaths are seen: a node that is away for longer than kLostAfter is
// dead, and its runs are lost or tried again.
class NodesSoak {
 public:
  explicit NodesSoak(Options options);
  ~NodesSoak();

  // Prints what it did; false: the contract was broken.
  bool run();

 private:
  using Dice = std::mt19937_64;
  using Clock = std::chrono::steady_clock;

  // A node, its line to the database, and what is being done to it.
  struct Node {
    std::string name;
    std::unique_ptr<Wire> wire;
    std::unique_ptr<faults::DaemonProcess> daemon;
    bool is_hurt = false;  // the chaos' own
    std::set<std::stop_source*> follows;
    Clock::time_point away_since = Clock::time_point::max();
  };
  // From when on a node could not be asked by its runs, or could not ask the store, and until when.
  struct Away {
    std::size_t node;
    Clock::time_point from, until;
  };
  struct Command {
    bool can_be_retried = false, is_canceled = false;
    std::string expected;  // SHA-256 of what a whole run of it writes
  };

  // One who asks: with a name, a connection to each node, one that goes on at the next by itself,
  // and choices of its own.
  struct Voice {
    std::string name;
    Dice dice;
    std::vector<std::unique_ptr<Client>> clients;
    std::unique_ptr<Client> everywhere;
  };

  // nodes_load.cpp
  Voice voice(const std::string& name, std::uint64_t seed);
  void produce(int number);
  void command_job(Voice& voice, const std::string& key);
  void external_job(Voice& voice, const std::string& key);
  void windowed_job(Voice& voice, const std::string& key);
  Json submit(Voice& voice, const Json& params);
  // Asks one node after the other until one answers; throws what no repetition can mend.
  void anywhere(Voice& voice, const std::function<void(Client&, const std::string& who)>& ask);
  void hand_over(const Job& job);
  void follow_jobs(int number);
  history::Ended follow_anywhere(Voice& voice, FollowOptions options);
  history::Ended follow_everywhere(Voice& voice, FollowOptions options);
  std::string all_nodes(std::size_t first) const;

  // nodes_chaos.cpp
  void break_things();
  void act(Dice& dice);
  void act_on(std::size_t node, Dice& dice);
  void hurt(std::size_t node, const std::string& what, std::chrono::milliseconds time,
            const std::function<void()>& begin, const std::function<void()>& end);
  void hurt_database(Dice& dice);
  void fail_over();
  void kill_runner(std::size_t node, Dice& dice);
  void roll();
  void stop_well(std::size_t node);
  void come_back(std::size_t node);
  void mend(Clock::time_point now);
  void mend_all();
  void set_away(std::size_t node, bool away);
  void tell(const std::string& node, const std::string& what);

  // nodes_audit.cpp
  void await_ends();
  void audit();
  void audit(const std::string& job, Voice& voice);
  void audit_starts(const std::string& job, const Json& status);
  void audit_processes();
  std::map<pid_t, std::string> processes() const;
  bool may_be_lost(const std::string& node, const std::string& run);

  bool going_on() const;
  void problem(const std::string& text);
  void report() const;
  bool check();

  const Options options_;
  std::string directory_;
  Database database_;
  std::vector<Node> nodes_;
  std::ofstream history_;
  std::unique_ptr<history::Recorder> recorder_;
  Clock::time_point begin_, end_;
  Queue queue_;
  std::atomic<int> next_job_{0};
  std::atomic<bool> failed_{false}, done_{false};

  std::mutex mutex_;
  std::vector<Job> jobs_;
  std::map<std::string, Command> commands_;  // by job
  std::vector<std::string> problems_;
  std::vector<Away> away_;
  std::set<std::string> killed_runs_;
  struct Mending {
    Clock::time_point due;
    std::function<void()> mend;
    bool of_database = false;
  };
  // The chaos' own.
  std::vector<Mending> mendings_;
  std::map<std::string, int> actions_;
  bool has_failed_over_ = false;
  Clock::time_point long_until_{};

  std::atomic<std::uint64_t> events_{0}, follows_{0}, moves_{0};
  std::map<std::string, int> endings_;  // by state and reason
  int retries_ = 0, starts_ = 0;
};

}  // namespace domed::soak

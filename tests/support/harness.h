#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "api/dispatcher.h"
#include "api/methods.h"
#include "loader/loader.h"
#include "loader/options.h"
#include "log/checked_store.h"
#include "log/elsewhere.h"
#include "log/journal.h"
#include "log/present_store.h"
#include "log/sealed_store.h"

namespace domed::test {

// Time and ids that a test decides on.
class FixedEnvironment final : public Environment {
 public:
  std::int64_t now() override { return time += 1000; }
  std::string random_id() override;
  std::string revision() override;
  std::atomic<std::int64_t> time{1'700'000'000'000'000};
  std::atomic<int> ids{0}, revisions{0};
};

class QuietHost final : public Host {
 public:
  void log(Level, std::string_view) noexcept override {}
};

// A directory that goes away with the test.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::unique_ptr<Store> open_store(const std::string& plugin, const std::filesystem::path& dir);

// The kernel from the methods down to a real store, without sockets; no command
// is ever started.
class Kernel {
 public:
  static constexpr const char* kOwnUser = "uid:1@node";

  Kernel(const std::string& store_plugin, const std::filesystem::path& dir,
         std::vector<Source> collectors = {});
  // Over a store that is open already.
  Kernel(const std::string& store_plugin, const std::filesystem::path& dir,
         std::unique_ptr<Store> open, std::vector<Source> collectors = {},
         const std::string& own_user = kOwnUser, StoreKeys keys = {});
  // One of several over a place that all of them can open.
  struct Shared {
    std::string node;
    int ids = 0;  // its own begin there
    std::string own_user;
  };
  Kernel(const std::filesystem::path& dir, std::unique_ptr<Store> open, const Shared& shared);
  ~Kernel();

  // The whole reply of one request.
  Json request(const std::string& method, const Json& params);
  // Its result; a test failure where it is an error.
  Json call(const std::string& method, const Json& params);
  // The E_ name of its error; "" where it is none.
  std::string error(const std::string& method, const Json& params);
  std::string raw(const std::string& bytes);

  // An external job, running; returns its SubmitJob result.
  Json running_job(const std::string& key);
  Json append(const Json& job, int batch, const Json& events, const std::string& producer = "p");
  // The event lines of a page, byte-exact.
  std::vector<std::string> lines(const std::string& job_id, std::uint64_t since = 0);

  // As whom requests are asked from now on; at first as the daemon's user.
  void be(const std::string& name, Role role);
  // Another role for whom that made, also where they wait for an answer.
  std::function<void(Role)> becomes;

  FixedEnvironment environment;
  Peer peer{1, Door::ipc};              // whose requests are asked
  std::vector<OrderedJson> audited;     // read it only when quiet
  std::vector<Commit> commits;          // what the observer saw; read it only when quiet
  std::mutex committing;                // guards them, of several kernels
  std::unique_ptr<Store> plugin;        // what the store's bytes are in
  std::unique_ptr<Store> checked;       // which checks them
  std::unique_ptr<SealedStore> sealed;  // which seals them, where there are keys
  std::unique_ptr<PresentStore> store;  // what all but the journal read
  Provenance provenance;
  Workers workers;
  std::unique_ptr<Streams> streams;
  std::unique_ptr<Journal> journal;
  Troubles troubles{[](Troubles::Word, const std::string&) {}};
  std::unique_ptr<Scheduler> scheduler;
  std::mutex auditing;
  Audit audit{[this](const OrderedJson& line) {
    const std::lock_guard lock(auditing);
    audited.push_back(line);
  }};
  Metrics metrics;
  std::unique_ptr<Methods> methods;
  std::unique_ptr<Dispatcher> dispatcher;
  std::unique_ptr<Elsewhere> elsewhere;  // of several; else null
};

// Makes the log of a job "id" that is to run "request", as an accepted SubmitJob does: its run is
// "run-ID", its token "t".
void submit(Journal& journal, const std::string& id,
            const Json& request = {{"command", {"true"}}, {"cwd", "/"}});

Json log_event(const std::string& text, bool eol = true);
Json change_to(const std::string& state);

// The E_ name that "action" throws; "" where it throws none.
template <class Action>
std::string error_name(Action&& action) {
  try {
    action();
    return "";
  } catch (const ApiError& e) {
    return e.name();
  }
}

}  // namespace domed::test

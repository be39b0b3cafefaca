#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "bench/child.h"
#include "bench/latency.h"
#include "bench/peer.h"
#include "bench/server.h"

namespace domed::bench {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// Debian keeps the server's programs of each version apart, out of PATH; the newest is taken.
std::string program(const std::string& name) {
  std::vector<std::string> versions;
  std::error_code none;
  for (const auto& version : fs::directory_iterator("/usr/lib/postgresql", none))
    versions.push_back(version.path().string() + "/bin");
  std::sort(versions.rbegin(), versions.rend());
  const auto found = find_program(name, versions);
  if (!found)
    throw Skip("PostgreSQL's " + name +
               " is not there, in PATH nor in /usr/lib/postgresql (Debian: apt-get install"
               " postgresql)");
  return *found;
}

// PostgreSQL's server refuses to run as root.  Empty where nobody else need be asked.
std::vector<std::string> as_another_user(const std::string& directory) {
  if (geteuid() != 0) return {};
  const passwd* user = getpwnam("postgres");
  if (!user) user = getpwnam("nobody");
  const auto setpriv = find_program("setpriv");
  if (!user || !setpriv)
    throw Skip("PostgreSQL refuses root, and there is no setpriv or no user to run it as");
  if (chown(directory.c_str(), user->pw_uid, user->pw_gid) != 0)
    throw Skip("PostgreSQL refuses root, and " + directory + " cannot be given to another user");
  return {*setpriv,
          "--reuid",
          std::to_string(user->pw_uid),
          "--regid",
          std::to_string(user->pw_gid),
          "--clear-groups"};
}

// A cluster of its own, with the settings it comes with: each commit is on the disk.
class PostgresServer {
 public:
  explicit PostgresServer(const Options& options)
      : directory_(options), prefix_(as_another_user(directory_.path())) {
    const std::string data = directory_.path() + "/data";
    if (!succeeds({program("initdb"), "--no-sync", "--auth", "trust", "--username", "bench",
                   "--locale", "C", "--pgdata", data}))
      throw std::runtime_error("initdb failed: " + log());
    process_ = std::make_unique<Child>(prefixed({program("postgres"), "-D", data, "-c",
                                                 "listen_addresses=", "-k", directory_.path()}),
                                       log_path());
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    while (!run("create",
                "CREATE TABLE IF NOT EXISTS events(job integer, seq bigserial, payload text,"
                " PRIMARY KEY(job, seq));",
                1)) {
      if (std::chrono::steady_clock::now() > deadline)
        throw std::runtime_error("PostgreSQL does not serve: " + log());
      std::this_thread::sleep_for(10ms);
    }
  }
  ~PostgresServer() {
    if (process_) process_->end(SIGINT);  // its fast end: it does not wait for clients
  }

  // One connection runs "script" so often, its statement prepared.  False where it could not.
  bool run(const std::string& name, const std::string& script, std::uint64_t times) const {
    const std::string file = directory_.path() + "/" + name;
    std::ofstream(file + ".sql") << script << "\n";
    fs::create_directories(file);
    fs::permissions(file, fs::perms::all);
    return succeeds({program("pgbench"), "--no-vacuum", "--protocol", "prepared", "--file",
                     file + ".sql", "--transactions", std::to_string(times), "--log",
                     "--log-prefix", file + "/times", "--host", directory_.path(), "--username",
                     "bench", "postgres"});
  }
  // How long each took in that run.
  Latency times(const std::string& name) const {
    Latency latency;
    for (const auto& file : fs::directory_iterator(directory_.path() + "/" + name)) {
      std::ifstream lines(file.path());
      std::uint64_t client, number;
      double us;
      for (std::string rest; lines >> client >> number >> us && std::getline(lines, rest);)
        latency.add(us);
    }
    return latency;
  }
  std::string log() const { return read_if_there(log_path()); }

 private:
  std::string log_path() const { return directory_.path() + "/log"; }
  std::vector<std::string> prefixed(const std::vector<std::string>& arguments) const {
    std::vector<std::string> all = prefix_;
    all.insert(all.end(), arguments.begin(), arguments.end());
    if (all[0].find('/') != 0) throw std::logic_error("a program without its path");
    return all;
  }
  bool succeeds(const std::vector<std::string>& arguments) const {
    return Child(prefixed(arguments), log_path()).end(0) == 0;
  }

  const Directory directory_;
  const std::vector<std::string> prefix_;
  std::unique_ptr<Child> process_;
};

}  // namespace

void postgres_singles(const Options& options, Report& report) {
  for (const char* needed : {"initdb", "postgres", "pgbench"}) program(needed);
  const PostgresServer server(options);
  const std::uint64_t rows = options.scaled(3000, 10);
  const std::string insert =
      "INSERT INTO events(job, payload) VALUES (1, '" + std::string(128, 'x') + "');";
  if (!server.run("insert", insert, rows))
    throw std::runtime_error("pgbench failed: " + server.log());
  const Latency latency = server.times("insert");
  if (latency.count() != rows) throw std::runtime_error("pgbench did not log each row");
  report.add("peer.postgres.single.p50", "us", latency.percentile(50));
  report.add("peer.postgres.single.p99", "us", latency.percentile(99));
}

}  // namespace domed::bench

#pragma once

#include <string>
#include <vector>

namespace domed::soak {

// The PostgreSQL of tests/stores/with_postgres.sh, to be stopped, started and paused.
class Database {
 public:
  // "place" is its directory, as DOMED_POSTGRES names it.
  explicit Database(std::string place) : place_(std::move(place)) {}

  // Where it listens now.
  std::string socket() const { return place_ + "/.s.PGSQL." + (is_promoted_ ? "5433" : "5432"); }
  // As its control program takes it: "-m immediate restart".  Returns when it is done.
  void control(const std::string& arguments) const;
  // A standby that the server waits for with every commit.
  void make_standby() const;
  // The server is killed, and the standby takes its place.
  void fail_over();
  // SIGSTOP and SIGCONT, to all of its processes.
  void send(int signal) const;

 private:
  std::string data() const { return place_ + (is_promoted_ ? "/standby.data" : "/data"); }
  void run(const std::string& command) const;

  const std::string place_;
  bool is_promoted_ = false;
};

}  // namespace domed::soak

#pragma once

#include <string>
#include <vector>

namespace domed::soak {

// The PostgreSQL of tests/stores/with_postgres.sh, to be stopped, started and paused.
class Database {
 public:
  // "place" is its directory, as DOMED_POSTGRES names it.
  explicit Database(std::string place) : place_(std::move(place)) {}

  std::string socket() const { return place_ + "/.s.PGSQL.5432"; }
  // As its control program takes it: "-m immediate restart".  Returns when it is done.
  void control(const std::string& arguments) const;
  // SIGSTOP and SIGCONT, to all of its processes.
  void send(int signal) const;

 private:
  const std::string place_;
};

}  // namespace domed::soak

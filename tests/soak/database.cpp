#include "database.h"

#include <signal.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "system/process.h"

namespace domed::soak {

void Database::run(const std::string& command) const {
  if (std::system(("'" + place_ + "'/" + command).c_str()) != 0)
    throw std::runtime_error("the database does not obey: " + command);
}

// Of two options for the same the last one counts.
void Database::control(const std::string& arguments) const {
  run("control -D '" + data() + "' " + arguments);
}

void Database::make_standby() const {
  run("standby make");
}

void Database::fail_over() {
  run("standby promote");
  is_promoted_ = true;
}

// Its parent first where they stop, so that it makes no others meanwhile.
void Database::send(int signal) const {
  pid_t server = 0;
  std::ifstream(data() + "/postmaster.pid") >> server;
  if (server <= 0) return;
  if (signal == SIGSTOP) kill(server, signal);
  for (const pid_t pid : descendants(process_snapshot(), {server})) kill(pid, signal);
  if (signal != SIGSTOP) kill(server, signal);
}

}  // namespace domed::soak

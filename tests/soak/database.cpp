#include "database.h"

#include <signal.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "system/process.h"

namespace domed::soak {

void Database::control(const std::string& arguments) const {
  const std::string command = "'" + place_ + "/control' " + arguments;
  if (std::system(command.c_str()) != 0)
    throw std::runtime_error("the database does not obey: " + arguments);
}

// Its parent first where they stop, so that it makes no others meanwhile.
void Database::send(int signal) const {
  pid_t server = 0;
  std::ifstream(place_ + "/data/postmaster.pid") >> server;
  if (server <= 0) return;
  if (signal == SIGSTOP) kill(server, signal);
  for (const pid_t pid : descendants(process_snapshot(), {server})) kill(pid, signal);
  if (signal != SIGSTOP) kill(server, signal);
}

}  // namespace domed::soak

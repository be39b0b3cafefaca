#include "bench/peer.h"

#include <unistd.h>

#include <cstdlib>

#include "bench/floor.h"
#include "bench/verbs.h"

namespace domed::bench {

std::optional<std::string> find_program(const std::string& name,
                                        const std::vector<std::string>& directories) {
  std::vector<std::string> places = directories;
  const char* path = std::getenv("PATH");
  for (std::string rest = path ? path : ""; !rest.empty();) {
    const std::size_t end = rest.find(':');
    places.push_back(rest.substr(0, end));
    rest = end == std::string::npos ? "" : rest.substr(end + 1);
  }
  for (const std::string& place : places)
    if (access((place + "/" + name).c_str(), X_OK) == 0) return place + "/" + name;
  return std::nullopt;
}

// In turn with the floors that the same work has without any server.
void run_peer(const Options& options, Report& report) {
  for (int i = 0; i < options.repeats; ++i) {
    if (options.peer == "postgres") {
      postgres_singles(options, report);
    } else {
      redis_singles(options, report);
      for (const std::uint64_t followers : {1, 64}) redis_live(options, report, followers);
      floor_unix_oneway(options, report);
    }
    floor_sqlite_single(options, report);
    floor_fdatasync(options, report);
    floor_unix_request(options, report);
  }
}

}  // namespace domed::bench

#include "client/patience.h"

#include <nng/nng.h>
#include <sys/stat.h>

#include "protocol/endpoint.h"
#include "system/own_file.h"

namespace domed {

bool nobody_listens(const std::string& url, int result) {
  // nng says this of a path that is not there as well as of a socket without a listener; a path
  // that is wrong in any other way will not get better by waiting.
  if (result != NNG_ECONNREFUSED) return false;
  const auto path = ipc_path_of(url);
  if (!path) return true;
  struct stat status {};
  return path->starts_with('/') && (stat(path->c_str(), &status) != 0 || S_ISSOCK(status.st_mode));
}

bool is_starting(const std::string& url) {
  const auto path = ipc_path_of(url);
  return path && is_locked(lock_beside(*path));
}

}  // namespace domed

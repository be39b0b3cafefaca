#include "client/patience.h"

#include <sys/stat.h>

#include <cerrno>

#include "protocol/endpoint.h"
#include "system/own_file.h"

namespace domed {

bool nobody_listens(const std::string& url, int error) {
  // A path that is wrong in any other way will not get better by waiting.
  if (error != ECONNREFUSED && error != ENOENT) return false;
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

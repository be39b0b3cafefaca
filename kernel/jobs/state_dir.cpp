#include "jobs/state_dir.h"

#include "domed/support/hash.h"
#include "system/own_file.h"
#include "system/trusted_path.h"

namespace domed {

FileLock claim_state_dir(const std::filesystem::path& dir) {
  const std::string subject = "state_dir " + dir.string();
  for (const auto& inside : {dir, dir / "runs", dir / "scratch"})
    make_private_directories(inside, subject);
  return {dir / "lock", subject + " is in use"};
}

std::string node_id(const std::filesystem::path& dir) {
  const std::string path = dir / "node_id";
  std::string id = read_own(path);
  if (id.empty()) write_own(path, id = random_hex(16) + "\n", true);
  id.pop_back();
  const bool good =
      id.size() == 32 && id.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (good) return id;
  throw Error(Code::corruption, path +
                                    " is no node's id, 32 lower-case hex digits and a line feed: "
                                    "put back what it was, or remove it to make this another node");
}

}  // namespace domed

#include "jobs/state_dir.h"

#include "system/trusted_path.h"

namespace domed {

FileLock claim_state_dir(const std::filesystem::path& dir) {
  const std::string subject = "state_dir " + dir.string();
  for (const auto& inside : {dir, dir / "runs", dir / "scratch"})
    make_private_directories(inside, subject);
  return {dir / "lock", subject + " is in use"};
}

}  // namespace domed

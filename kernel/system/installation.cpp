#include "system/installation.h"

namespace domed {

namespace fs = std::filesystem;

namespace {

fs::path own_directory() {
  std::error_code error;
  return fs::read_symlink("/proc/self/exe", error).parent_path();
}

}  // namespace

fs::path this_installation() {
  return own_directory().parent_path();
}

fs::path runner_program(bool with_tls) {
  const fs::path name = with_tls ? fs::path("tls") / "domed-runner" : "domed-runner";
  const fs::path installed = this_installation() / "libexec" / "domed" / name;
  return fs::exists(installed) ? installed : own_directory() / name;
}

}  // namespace domed

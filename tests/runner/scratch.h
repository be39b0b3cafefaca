#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace domed {

// A directory of the test's own, removed with all that is in it.
class Scratch {
 public:
  Scratch() { path_ = mkdtemp(path_.data()); }
  Scratch(const Scratch&) = delete;
  ~Scratch() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/domed-runner-XXXXXX";
};

}  // namespace domed

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "protocol/call.h"

namespace domed {

// What reading a deployment again came to: keys of it ("jobs.max_running", "tools").
struct Reloaded {
  std::vector<std::string> taken;    // differ from before, and hold from now on
  std::vector<std::string> waiting;  // differ, and hold after a restart only
  std::vector<std::string> failed;  // in words: files that could not be read, and stay as they were
  std::vector<std::string> warnings;  // "file:line:col: text"
};

// Reload: an operator has the daemon read its deployment again.  Thread-safe.
class ReloadMethods {
 public:
  // Throws Error(invalid_argument, not_found, io) for a deployment that cannot be used: then
  // nothing has changed.
  using Reload = std::function<Reloaded()>;

  // "reload" null: there is no deployment.
  explicit ReloadMethods(Reload reload) : reload_(std::move(reload)) {}

  void reload(Call call) const;

 private:
  const Reload reload_;
};

}  // namespace domed

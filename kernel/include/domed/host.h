#pragma once

#include <string_view>

namespace domed {

enum class Level { debug, info, warning, error };

// What the kernel does for a plugin.  Outlives every plugin instance.
// Thread-safe.  Implemented by the kernel; may gain methods at the end in a
// minor version.
class Host {
 public:
  virtual ~Host() = default;

  // Logs "line", prefixed with the plugin's name.  Values of options declared
  // "secret" are masked.  Never blocks on the reader of the log.
  virtual void log(Level level, std::string_view line) noexcept = 0;
};

}  // namespace domed

#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace domed {

// The options of one plugin instance, already checked against the manifest:
// every declared option is present (default applied) and of its declared type.
// Asking for an undeclared option, or for another type than declared, throws
// Error(internal).  Thread-safe; lives only during the plugin's constructor.
//
// Implemented by the kernel; may gain methods at the end in a minor version.
class Options {
 public:
  virtual ~Options() = default;

  // "string" and "enum" options, verbatim; "path" options made absolute
  // against the deployment's state_dir.
  virtual std::string text(std::string_view name) const = 0;
  virtual std::int64_t integer(std::string_view name) const = 0;
  virtual bool boolean(std::string_view name) const = 0;
  virtual std::chrono::milliseconds duration(std::string_view name) const = 0;
  // In bytes.
  virtual std::uint64_t size(std::string_view name) const = 0;
  virtual std::vector<std::string> list(std::string_view name) const = 0;
};

}  // namespace domed

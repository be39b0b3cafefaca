#pragma once

#include <stdexcept>
#include <string>

namespace domed {

// Why an operation failed.  The list is closed within an ABI major version:
// callers may switch over it.
enum class Code {
  invalid_argument,  // the caller broke the interface's rules; repeating cannot help
  not_found,
  conflict,    // somebody else holds or changed the thing
  corruption,  // stored bytes are not what was written
  io,          // the medium failed; repeating may help
  exhausted,   // no space, no descriptors; repeating helps once there is room
  unsupported,
  internal,
  stale,  // what this object was opened on is not there any more: open it anew
};

// The one exception type that crosses the plugin boundary.  The text names the
// subject, the cause and what to do.  Any other type that a plugin lets escape
// is reported as Code::internal.
class Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& what) : std::runtime_error(what), code_(code) {}
  Code code() const noexcept { return code_; }

 private:
  Code code_;
};

}  // namespace domed

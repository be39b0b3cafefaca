#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

namespace conformance {

// A forked process that runs "body" and tells its parent lines.  It is killed
// and reaped at the end of the object's life, however that comes.
// Made while no store is open: a store may have threads, and what one of them holds at the fork,
// a lock of the allocator or of a library, is held for ever in the child.
class Child {
 public:
  using Say = std::function<void(const std::string& line)>;

  enum class Begin { at_once, when_told };

  // An exception that leaves "body" is told as the line "threw: TEXT".
  explicit Child(const std::function<void(const Say&)>& body, Begin begin = Begin::at_once);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  // Runs a body that waits for it.
  void begin();
  // The next line; nullopt: it has ended, or was silent so long that it hangs
  // and was killed.
  std::optional<std::string> hear();
  // Ends it now; hear() gives what it had said until then.
  void kill();

 private:
  bool receive();  // more bytes; false: there will be none

  pid_t pid_ = -1;
  int pipe_ = -1;
  int start_ = -1;  // a byte in it: begin
  std::string heard_;
};

// What "body" returns, run in a child: for what must not happen to this process.
// Says so where the child ended without an answer.
std::string in_child(const std::function<std::string()>& body);

}  // namespace conformance

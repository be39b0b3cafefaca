#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

namespace conformance {

// A forked process that runs "body" and tells its parent lines.  It is killed
// and reaped at the end of the object's life, however that comes.
class Child {
 public:
  using Say = std::function<void(const std::string& line)>;

  // An exception that leaves "body" is told as the line "threw: TEXT".
  explicit Child(const std::function<void(const Say&)>& body);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  // The next line; nullopt: it has ended, or was silent so long that it hangs
  // and was killed.
  std::optional<std::string> hear();
  // Ends it now; hear() gives what it had said until then.
  void kill();

 private:
  bool receive();  // more bytes; false: there will be none

  pid_t pid_ = -1;
  int pipe_ = -1;
  std::string heard_;
};

// What "body" returns, run in a child: for what must not happen to this process.
// Says so where the child ended without an answer.
std::string in_child(const std::function<std::string()>& body);

}  // namespace conformance

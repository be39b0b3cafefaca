#pragma once

#include <sys/socket.h>

#include <memory>
#include <string>
#include <vector>

namespace domed {

// The addresses of a host, looked up by a thread of its own, which the system cannot be told to
// leave: whoever does not want to wait any longer just destroys this.  Numbers are known at once
// and take no thread.
class Lookup {
 public:
  struct Address {
    sockaddr_storage bytes;
    socklen_t size;
  };

  // "place" is host:port, or [host]:port.  "family" is AF_UNSPEC or the one that is wanted.
  explicit Lookup(const std::string& place, int family = AF_UNSPEC);

  const std::string& host() const;  // without brackets

  // Readable once it is over.
  int descriptor() const;
  // Only when it is over.  0, or the number of the error why there are none.
  int result(std::vector<Address>& addresses) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace domed

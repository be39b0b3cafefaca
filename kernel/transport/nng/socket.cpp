#include "transport/nng/socket.h"

#include <cstring>

namespace domed {

void check_nng(int result, std::string_view what) {
  if (result != 0) throw Error(Code::io, std::string(what) + ": " + nng_strerror(result));
}

// Reserved first, then filled: inserting into a message corrupts its heap in nng 1.5.
Message make_message(std::string_view bytes) {
  nng_msg* message = nullptr;
  check_nng(nng_msg_alloc(&message, bytes.size()), "cannot allocate a message");
  std::memcpy(nng_msg_body(message), bytes.data(), bytes.size());
  return Message(message);
}

}  // namespace domed

#include "protocol/api_error.h"

namespace domed {

ApiError store_failure(const Error& error) {
  // A full disk is emptied and a locked database let go, so that producers keep their batch and
  // send it again (BackPressure).  Corruption or a wrong argument stays what it is, and to repeat
  // it would hide it.
  const bool may_pass =
      error.code() == Code::io || error.code() == Code::exhausted || error.code() == Code::conflict;
  return {"E_STORE", std::string("the store failed: ") + error.what(), {{"retryable", may_pass}}};
}

}  // namespace domed

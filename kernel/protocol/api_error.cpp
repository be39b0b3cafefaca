#include "protocol/api_error.h"

namespace domed {

ApiError store_failure(const Error& error) {
  const bool may_pass =
      error.code() == Code::io || error.code() == Code::exhausted || error.code() == Code::conflict;
  return {"E_STORE", std::string("the store failed: ") + error.what(), {{"retryable", may_pass}}};
}

}  // namespace domed

#include "protocol/api_error.h"

#include "base/words.h"
#include "protocol/damage.h"

namespace domed {

ApiError::ApiError(std::string name, const std::string& message, nlohmann::json fields)
    : std::runtime_error(with_nul_shown(message)),
      name_(std::move(name)),
      fields_(std::move(fields)) {}

ApiError store_failure(const Error& error) {
  // A full disk is emptied and a locked database let go, so that producers keep their batch and
  // send it again (BackPressure).  Corruption or a wrong argument stays what it is, and to repeat
  // it would hide it.
  const bool may_pass = error.code() == Code::io || error.code() == Code::exhausted ||
                        error.code() == Code::conflict || error.code() == Code::stale;
  nlohmann::json fields{{"retryable", may_pass}};
  if (const auto* damage = dynamic_cast<const Damage*>(&error)) {
    fields["job_id"] = damage->job_id;
    if (damage->seq != 0) fields["seq"] = damage->seq;
  }
  return {"E_STORE", std::string("the store failed: ") + error.what(), fields};
}

}  // namespace domed

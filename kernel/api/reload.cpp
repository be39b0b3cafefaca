#include "api/reload.h"

#include "base/json.h"
#include "base/words.h"
#include "domed/error.h"
#include "protocol/request.h"

namespace domed {
namespace {

// A deployment may have many problems; a reply is bounded.
constexpr std::size_t kMostAnswer = 16 << 10;

}  // namespace

// A deployment that cannot be used is no fault of the request's form, but there is nothing that
// would be done if it came again: it is refused as what it asks for.
void ReloadMethods::reload(Call call) const {
  Params(call.params).done();
  if (!reload_)
    throw ApiError("E_POLICY_DENIED", "this daemon was not started from a deployment's file");
  Reloaded found;
  try {
    found = reload_();
  } catch (const Error& e) {
    throw ApiError(
        "E_INVALID_REQUEST",
        shortened(
            std::string("the deployment cannot be used, and nothing has changed:\n") + e.what(),
            kMostAnswer));
  }
  call.result(OrderedJson{{"taken", found.taken},
                          {"waiting", found.waiting},
                          {"failed", found.failed},
                          {"warnings", found.warnings}}
                  .dump());
}

}  // namespace domed

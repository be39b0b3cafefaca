#include "protocol/call.h"

#include "protocol/request.h"

namespace domed {

void Call::result(std::string_view json) const {
  reply(result_reply(id, json));
}

void Call::error(const ApiError& e) const {
  reply(error_reply(id, e));
}

void Call::error(std::exception_ptr e) const {
  try {
    std::rethrow_exception(e);
  } catch (const ApiError& api) {
    error(api);
  } catch (const Error& store) {
    error(store_failure(store));
  } catch (const std::exception& other) {
    error(ApiError("E_INTERNAL", other.what()));
  }
}

}  // namespace domed

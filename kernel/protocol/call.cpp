#include "protocol/call.h"

#include <utility>

#include "protocol/request.h"

namespace domed {

bool Peer::is_gone() const {
  const std::weak_ptr<const Unread> never;
  const bool is_known = unread.owner_before(never) || never.owner_before(unread);
  const auto known = unread.lock();
  return is_known && (!known || known->is_gone());
}

void Peer::must_read() const {
  if (is_gone()) throw ApiError("E_BUSY", "this connection is gone", {{"retry_ms", 100}});
  const auto known = unread.lock();
  if (known && known->is_too_much())
    throw ApiError("E_BUSY",
                   "this connection leaves too many replies unread, or is one of many that do",
                   {{"retry_ms", 100}});
}

IdentityPtr Call::must_still_be_allowed() const {
  return answers ? answers->must_still_be_allowed(*this) : who;
}

void Call::changed(std::string_view json) {
  if (const auto hears = std::exchange(outcome, nullptr)) hears(json, nullptr);
}

void Call::result(std::string_view json) const {
  if (answers) answers->answered(*this, "");
  if (outcome) outcome(json, nullptr);
  reply(result_reply(id, json));
}

std::string Call::begin_result(std::size_t bytes) const {
  return domed::begin_result(id, bytes);
}

void Call::end_result(std::string text) const {
  domed::end_result(text);
  if (answers) answers->answered(*this, "");
  if (outcome) outcome("", nullptr);
  reply(std::move(text));
}

void Call::error(const ApiError& e) const {
  if (answers) answers->answered(*this, e.name());
  if (outcome) outcome("", &e);
  reply(error_reply(id, e));
}

void Call::error(std::exception_ptr e) const {
  // An Error is taken for the store's, the only plugin that a request waits for.  Anything else
  // is a mistake of ours, and still answered: who heard nothing would ask again for ever.
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

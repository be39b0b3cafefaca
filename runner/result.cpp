#include "runner/result.h"

#include <sys/wait.h>

#include <csignal>
#include <cstring>

#include "common/json.h"
#include "common/units.h"

namespace domed {
namespace {

OrderedJson head(const char* to, const char* reason) {
  return {{"to", to}, {"reason", reason}};
}

void add_status(OrderedJson& payload, int status) {
  if (WIFEXITED(status)) payload["exit_code"] = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) payload["signal"] = WTERMSIG(status);
}

OrderedJson own_result(int status) {
  OrderedJson payload;
  if (WIFSIGNALED(status)) {
    payload = head("failed", "signal");
    payload["message"] =
        std::string("the command was ended by a signal: ") + strsignal(WTERMSIG(status));
  } else {
    payload = head(WEXITSTATUS(status) == 0 ? "succeeded" : "failed", "exit");
  }
  add_status(payload, status);
  return payload;
}

OrderedJson stopped(const Spec& spec, Stop stop, std::optional<int> status) {
  OrderedJson payload;
  if (stop == Stop::cancel) {
    payload = head("canceled", "cancel");
    if (!status) payload["message"] = "canceled before the command was started";
  } else if (stop == Stop::timeout) {
    payload = head("failed", "timeout");
    payload["message"] =
        "the command ran longer than its timeout of " + format_duration(spec.timeout);
  } else {
    payload = head("failed", "signal");
    payload["message"] = "runner was told to stop";
    payload["signal"] = SIGTERM;
    return payload;
  }
  if (status) add_status(payload, *status);
  return payload;
}

}  // namespace

std::string terminal_payload(const Spec& spec, Stop stop, std::optional<int> status,
                             const std::string& spawn_error) {
  OrderedJson payload;
  if (!spawn_error.empty()) {
    payload = head("failed", "spawn_error");
    payload["message"] = spawn_error;
  } else if (stop == Stop::none && status) {
    payload = own_result(*status);
  } else {
    payload = stopped(spec, stop, status);
  }
  // A program's name may be any bytes; an event is UTF-8.
  return payload.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace domed

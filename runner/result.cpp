#include "runner/result.h"

#include <sys/wait.h>

#include <csignal>
#include <cstring>

#include "base/json.h"
#include "base/units.h"
#include "base/words.h"

namespace domed {
namespace {

// A third of what the protocol allows, for what is not UTF-8 grows when it is replaced.
constexpr std::size_t kMessageBytes = 4096 / 3;

OrderedJson head(const char* to, const char* reason) {
  return {{"to", to}, {"reason", reason}};
}

void add_status(OrderedJson& payload, int status) {
  if (WIFEXITED(status)) payload["exit_code"] = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) payload["signal"] = WTERMSIG(status);
}

OrderedJson own_result(const Spec& spec, int status, bool out_of_memory) {
  OrderedJson payload;
  // The kernel's out-of-memory killer says nothing but SIGKILL; the cgroup counted it.
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && out_of_memory) {
    payload = head("failed", "limit");
    payload["message"] =
        "the job needed more than its " + std::to_string(spec.limits.memory) + " bytes of memory";
    add_status(payload, status);
    return payload;
  }
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU && spec.limits.cpu > 0) {
    payload = head("failed", "limit");
    payload["message"] =
        "the command used more than its " + std::to_string(spec.limits.cpu) + "s of processor time";
  } else if (WIFSIGNALED(status)) {
    payload = head("failed", "signal");
    payload["message"] = std::string("the command was ended by a signal: ") +
                         strsignal(WTERMSIG(status)) + (WCOREDUMP(status) ? " (core dumped)" : "");
  } else {
    payload = head(WEXITSTATUS(status) == 0 ? "succeeded" : "failed", "exit");
  }
  add_status(payload, status);
  return payload;
}

void add_message(OrderedJson& payload, const std::string& text) {
  if (text.empty()) return;
  const std::string said = payload.value("message", "");
  payload["message"] = said.empty() ? text : said + "; " + text;
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
  } else if (stop == Stop::lost) {
    payload = head("failed", "lost");
    payload["message"] = "its node could not say in time that the command may go on";
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

std::string terminal_payload(const Spec& spec, const Ending& ending) {
  OrderedJson payload;
  // What was never started has no status; what ended by itself keeps its own result, also where it
  // was being stopped at that moment; all else is told as the reason for which it was ended.
  if (!ending.spawn_error.empty()) {
    payload = head("failed", "spawn_error");
    payload["message"] = ending.spawn_error;
  } else if (ending.stop == Stop::none && ending.status) {
    payload = own_result(spec, *ending.status, ending.out_of_memory);
  } else {
    payload = stopped(spec, ending.stop, ending.status);
  }
  add_message(payload, ending.lost_output);
  if (payload.contains("message"))
    payload["message"] = shortened(payload["message"].get<std::string>(), kMessageBytes);
  // A program's name may be any bytes; an event is UTF-8.
  return payload.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

}  // namespace domed

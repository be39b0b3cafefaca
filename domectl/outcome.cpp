#include "domectl/outcome.h"

#include "base/json.h"

namespace domed::ctl {
namespace {

struct Outcome {
  std::string to, reason, message;
  int exit_code = -1, signal = -1;
};

int number(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number_integer() ? found->get<int>() : -1;
}

Outcome read(std::string_view payload) {
  const Json json = Json::parse(payload, nullptr, false);
  if (!json.is_object()) return {};
  return {text_at(json, "to"), text_at(json, "reason"), text_at(json, "message"),
          number(json, "exit_code"), number(json, "signal")};
}

}  // namespace

int exit_code_of(std::string_view payload) {
  const Outcome outcome = read(payload);
  // By the reason before the status: a job that was ended for its timeout has a signal too, and 143
  // would say that somebody sent it.
  if (outcome.to == "canceled") return kCanceled;
  if (outcome.reason == "timeout") return kTimedOut;
  if (outcome.reason == "spawn_error") return kNotStarted;
  // Nobody knows how the command ended, so that no code of its own would be true.
  if (outcome.reason == "lost" || outcome.to.empty()) return kOwnFailure;
  // As the shell does it.  A reported exit code may be any integer; a process has eight bits.
  if (outcome.exit_code >= 0) return outcome.exit_code & 0xff;
  if (outcome.signal > 0) return 128 + outcome.signal;
  return outcome.to == "succeeded" ? 0 : 1;
}

std::string outcome_text(std::string_view payload) {
  const Outcome outcome = read(payload);
  // What ended by itself has said what it had to say.
  if (outcome.to == "succeeded" || outcome.reason == "exit")
    return outcome.message.empty() ? "" : outcome.to + ": " + outcome.message;
  std::string out = outcome.to;
  if (!outcome.reason.empty() && outcome.reason != "cancel") out += " (" + outcome.reason + ")";
  if (outcome.signal > 0) out += " by signal " + std::to_string(outcome.signal);
  if (!outcome.message.empty()) out += ": " + outcome.message;
  return out;
}

}  // namespace domed::ctl

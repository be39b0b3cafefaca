// The part of JobLog that takes what people want of a job: its end, its turn, its standing still.
#include "base/words.h"
#include "log/job_log.h"
#include "protocol/api_error.h"
#include "protocol/limits.h"

namespace domed {

// `Cancel`: once; and a queued job, which no runner has, is canceled in the same commit.
void JobLog::request_cancel(const std::string& reason) {
  must_exist();
  if (is_terminal(head_.state) || head_.cancel_requested) return;
  fixed_.cancel_reason = reason;
  fixed_changed_ = true;
  add("cancel_requested", reason.empty() ? "{}" : OrderedJson{{"reason", reason}}.dump());
  if (head_.state == State::queued)
    finish(State::canceled, "cancel",
           shortened("canceled while it was queued" + (reason.empty() ? "" : ": " + reason),
                     limits::kMessageBytes));
}

void JobLog::hold(bool held, const std::string& reason) {
  must_exist();
  if (head_.state != State::queued || (held && head_.is_assigned()))
    throw ApiError("E_INVALID_TRANSITION",
                   "job '" + job_id_ + "' is " +
                       (head_.state == State::queued ? "being started"
                                                     : std::string(state_name(head_.state))) +
                       ": only a queued job can be held or released");
  if (head_.held == held) return;
  add(held ? "held" : "released", reason.empty() ? "{}" : OrderedJson{{"reason", reason}}.dump());
}

// `Pause`.  What another program runs, that one alone could pause; what is to end does not stand
// still.
void JobLog::pause(bool paused, const std::string& reason) {
  must_exist();
  const std::string_view why =
      head_.external                     ? "external: only who runs it elsewhere can pause it"
      : head_.state == State::queued     ? "queued: hold it, to keep it from being started"
      : is_terminal(head_.state)         ? "over"
      : paused && head_.cancel_requested ? "to end: its cancel was asked for"
                                         : "";
  if (!why.empty())
    throw ApiError("E_INVALID_TRANSITION", "job '" + job_id_ + "' is " + std::string(why));
  if (head_.is_paused() == paused) return;
  add(paused ? "paused" : "resumed",
      reason.empty() ? "{}" : OrderedJson{{"reason", reason}}.dump());
}

}  // namespace domed

#include "jobs/endings.h"

#include <algorithm>

namespace domed {

bool Endings::canceled(const std::string& job_id, Clock::time_point now) {
  return endings_
      .try_emplace(job_id,
                   Ending{State::canceled, "cancel",
                          "its producer did not end it within cancel_grace", now + cancel_grace_})
      .second;
}

void Endings::need_failed(const std::string& job_id, const std::string& need,
                          Clock::time_point now) {
  endings_[job_id] = {State::failed, "dependency",
                      "job " + need + ", which has to succeed first, did not", now};
}

Endings::Ending Endings::Silence::ending() const {
  const std::string time = std::to_string(expires.count()) + " s (expires_s)";
  return {State::failed, "lost",
          begun ? "its producer was not heard for " + time
                : "no producer of it was heard within " + time,
          due};
}

void Endings::expect(const std::string& job_id, std::chrono::seconds expires, bool begun,
                     Clock::time_point now, std::chrono::milliseconds more,
                     const std::string& revision) {
  silences_[job_id] = {expires, begun, now + expires + more, more, revision, false};
}

void Endings::heard(const std::string& job_id, Clock::time_point now) {
  const auto it = silences_.find(job_id);
  if (it == silences_.end()) return;
  it->second.begun = true;
  it->second.due = now + it->second.expires + it->second.more;
}

bool Endings::is_due(const std::string& job_id, Clock::time_point now,
                     const std::string& revision) {
  const auto silence = silences_.find(job_id);
  if (silence != silences_.end() &&
      (silence->second.revision != revision || silence->second.was_refused)) {
    silence->second.revision = revision;
    silence->second.was_refused = false;
    silence->second.due = now + silence->second.expires + silence->second.more;
  }
  const auto ending = endings_.find(job_id);
  return (ending != endings_.end() && ending->second.due <= now) ||
         (silence != silences_.end() && silence->second.due <= now);
}

void Endings::ended(const std::string& job_id) {
  endings_.erase(job_id);
  silences_.erase(job_id);
}

void Endings::postpone(const std::string& job_id, Clock::time_point until) {
  if (const auto it = endings_.find(job_id); it != endings_.end()) it->second.due = until;
  if (const auto it = silences_.find(job_id); it != silences_.end())
    it->second.due = std::max(it->second.due, until);
}

void Endings::refused(const std::string& job_id, Clock::time_point until) {
  postpone(job_id, until);
  if (const auto it = silences_.find(job_id); it != silences_.end()) it->second.was_refused = true;
}

// Of a job that is canceled and silent the cancel is what it ends by, if both are due.
std::map<std::string, Endings::Ending> Endings::due(Clock::time_point now) const {
  std::map<std::string, Ending> out;
  for (const auto& [id, ending] : endings_)
    if (ending.due <= now) out.emplace(id, ending);
  for (const auto& [id, silence] : silences_)
    if (silence.due <= now) out.emplace(id, silence.ending());
  return out;
}

Endings::Clock::time_point Endings::next() const {
  auto out = Clock::time_point::max();
  for (const auto& [id, ending] : endings_) out = std::min(out, ending.due);
  for (const auto& [id, silence] : silences_) out = std::min(out, silence.due);
  return out;
}

}  // namespace domed

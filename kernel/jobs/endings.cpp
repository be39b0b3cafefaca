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

void Endings::postpone(const std::string& job_id, Clock::time_point until) {
  const auto it = endings_.find(job_id);
  if (it != endings_.end()) it->second.due = until;
}

std::map<std::string, Endings::Ending> Endings::due(Clock::time_point now) const {
  std::map<std::string, Ending> out;
  for (const auto& [id, ending] : endings_)
    if (ending.due <= now) out.emplace(id, ending);
  return out;
}

Endings::Clock::time_point Endings::next() const {
  auto out = Clock::time_point::max();
  for (const auto& [id, ending] : endings_) out = std::min(out, ending.due);
  return out;
}

}  // namespace domed

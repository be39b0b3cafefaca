// follow=true ends when the terminal event is delivered; a broken connection, or
// anything else that repeating mends, is not an end.
#include "clause.h"

namespace domed::history {
namespace {

// The errors that the contract lets a follow end with.
bool is_final(const std::string& error) {
  for (const char* name : {"E_COMPACTED", "E_CURSOR_AHEAD", "E_LOG_CHANGED", "E_NOT_FOUND",
                           "E_GONE", "E_INVALID_REQUEST"})
    if (error == name) return true;
  return false;
}

Found ended_early(const Follow& follow, const Log* log) {
  const std::uint64_t terminal = log ? log->terminal_seq() : 0;
  if (terminal != 0 && follow.cursor() == terminal) return {};
  Finding finding{"the follow ended by itself before the terminal event", {follow.asked}};
  if (!follow.events.empty()) finding.excerpt.push_back(follow.events.back());
  finding.excerpt.push_back(follow.end);
  return finding;
}

}  // namespace

Found tail(const History& history) {
  for (const auto& follow : history.follows()) {
    if (!follow.asked->tail || !follow.end) continue;
    const Record& end = *follow.end;
    if (end.end == "error" && !is_final(end.error))
      return Finding{"the follow ended with " + end.error, {follow.asked, &end}};
    if (end.end != "terminal" && end.end != "snapshot") continue;
    const Log* log = history.log_of(follow);
    if (auto found = ended_early(follow, log)) return found;
  }
  return {};
}

}  // namespace domed::history

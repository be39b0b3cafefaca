// digest(n) follows from the log_id and the event lines 1 to n.
#include "clause.h"
#include "client/event_line.h"

namespace domed::history {
namespace {

// Digests after each of the first events, as far as they are known without a gap.
std::vector<std::string> chain(const Log& log) {
  DigestChain digests(log.log);
  std::vector<std::string> out{to_hex(digests.digest())};
  for (std::uint64_t seq = 1; log.events.count(seq); ++seq) {
    digests.add(log.events.at(seq).line);
    out.push_back(to_hex(digests.digest()));
  }
  return out;
}

bool differs(const std::vector<std::string>& digests, std::uint64_t seq, const std::string& said) {
  return !said.empty() && seq < digests.size() && digests[seq] != said;
}

}  // namespace

Found digest(const History& history) {
  std::map<const Log*, std::vector<std::string>> chains;
  for (const auto& [id, log] : history.logs()) {
    const auto& digests = chains[&log] = chain(log);
    for (const Record* status : log.statuses)
      if (differs(digests, status->head, status->digest) ||
          (status->first > 0 && differs(digests, status->first - 1, status->base_digest)))
        return Finding{"the events come to another digest than the status says", {status}};
  }
  for (const auto& follow : history.follows()) {
    if (!follow.end || follow.events.empty() || follow.end->digest.empty()) continue;
    const Log* log = history.log_of(*follow.events.front());
    if (differs(chains.at(log), follow.end->cursor, follow.end->digest))
      return Finding{"the events come to another digest than the follower has",
                     {follow.asked, follow.end}};
  }
  return {};
}

}  // namespace domed::history

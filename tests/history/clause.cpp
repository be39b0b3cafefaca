#include "clause.h"

namespace domed::history {
namespace {

constexpr std::size_t kShown = 500;

// "file:line: text" of each record.
std::string shown(const Finding& finding) {
  std::string out;
  for (const Record* record : finding.excerpt) {
    out += "  " + record->file + ":" + std::to_string(record->number) + ": ";
    out += record->text.size() <= kShown ? record->text : record->text.substr(0, kShown) + "...";
    out += '\n';
  }
  return out;
}

}  // namespace

const std::vector<Clause>& clauses() {
  static const std::vector<Clause> all{{"Contiguous", contiguous},
                                       {"Durable", durable},
                                       {"Immutable", immutable},
                                       {"Identity", identity},
                                       {"Digest", digest},
                                       {"StateIsEvents", state_is_events},
                                       {"TerminalLast", terminal_last},
                                       {"Snapshot", snapshot},
                                       {"Tail", tail},
                                       {"ExactlyOnce", exactly_once},
                                       {"NeverHangs", never_hangs},
                                       {"LoudLoss", loud_loss},
                                       {"IdempotentSubmit", idempotent_submit},
                                       {"IdempotentAppend", idempotent_append},
                                       {"Parity", parity},
                                       {"OneOwner", one_owner},
                                       {"SharedLog", shared_log}};
  return all;
}

std::string report(const History& history, std::string_view but) {
  std::string out;
  for (const Clause& clause : clauses()) {
    if (clause.name == but) continue;
    if (const auto finding = clause.check(history))
      out += std::string(clause.name) + ": " + finding->why + "\n" + shown(*finding);
  }
  return out;
}

}  // namespace domed::history

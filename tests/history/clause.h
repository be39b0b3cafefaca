#pragma once

#include <optional>
#include <string>
#include <vector>

#include "history.h"

namespace domed::history {

// One violation: what is wrong, and the fewest records that show it.
struct Finding {
  std::string why;
  std::vector<const Record*> excerpt;
};

// A clause of docs/contract.md as a check of recorded histories.  nullopt: kept.
struct Clause {
  const char* name;
  std::optional<Finding> (*check)(const History& history);
};

// All of them, in the order of docs/contract.md.
const std::vector<Clause>& clauses();

// Each broken clause with what is wrong and its excerpt, but for one; empty: all is kept.
std::string report(const History& history, std::string_view but = {});

using Found = std::optional<Finding>;
Found contiguous(const History&);
Found durable(const History&);
Found immutable(const History&);
Found identity(const History&);
Found digest(const History&);
Found state_is_events(const History&);
Found terminal_last(const History&);
Found snapshot(const History&);
Found tail(const History&);
Found exactly_once(const History&);
Found never_hangs(const History&);
Found loud_loss(const History&);
Found idempotent_submit(const History&);
Found idempotent_append(const History&);
Found parity(const History&);
Found one_owner(const History&);
Found shared_log(const History&);

}  // namespace domed::history

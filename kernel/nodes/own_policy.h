#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

namespace domed {

// `OwnPolicy`: a node starts only what its own deployment would have accepted, or what it accepted
// itself.
struct OwnPolicy {
  std::string node;
  std::set<std::string> queues;  // that it serves
  std::map<std::string, std::set<std::string>>
      tools;  // the hashes of their contracts, `also:` ones too, or how they begin
  bool allow_ad_hoc = false;
  std::string name = {};  // the node's
  bool is_alone = false;  // it has its store for itself: all is its own, but what is for others

  bool is_called(const std::string& id_or_name) const {
    return id_or_name == node || (!name.empty() && id_or_name == name);
  }
};

// Of a queued job's record.
struct Offered {
  std::string queue, tool;  // empty: a command
  std::string contract;     // the tool's hash when it was submitted
  std::string accepted_by;  // the node that took the request; retries inherit it
  std::string wanted_node;  // its id or its name; empty: any
};

// What keeps the node from starting it, in the words that `waiting` has of it; empty: nothing.
std::string lacking(const OwnPolicy& policy, const Offered& job);

}  // namespace domed

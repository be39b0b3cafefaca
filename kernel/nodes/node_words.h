#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "nodes/formats.h"
#include "nodes/own_policy.h"

namespace domed {

// What a node says of itself in the text of its lease.  Who reads it may be an older or a newer
// release: what is absent has its default, what is unknown is passed over.
struct NodeWords {
  using Span = std::chrono::milliseconds;

  std::string node;     // the id, which lies in its state_dir
  std::string name;     // for people
  std::string machine;  // /etc/machine-id
  std::string boot;     // of this start of the machine
  std::string place;    // names machine and state_dir (place_of): one daemon has it locked
  std::string version;
  Formats formats;
  std::vector<std::string> endpoints, queues;
  Span back_in{0};             // it stops, and means to be back by then
  std::int64_t time = 0;       // its own, when it said this: microseconds since 1970
  std::string limits = {};     // of queues, as its deployment says (limits_text)
  bool limits_of_all = false;  // others hold: the settings of all nodes have them
  bool draining = false;       // it claims nothing more
  bool forgotten = false;      // others say: people told that its machine is off
  Span ttl{0}, lost_after{0};  // the times that it holds to; lost_after 0: never.  ttl 0: not said
  std::uint64_t settings = 0;  // the revision of those of all nodes that it acts on; 0: none
  // Which jobs it starts; nullopt: not said.  Of hashes the beginning alone.
  std::optional<OwnPolicy> takes = {};

  // At most kMaxLeaseText bytes: of what does not fit, first "takes" is left out, then endpoints
  // and queues.
  std::string text() const;
  // Of any text; words that are none are those of a node that says nothing.
  static NodeWords parse(std::string_view text);

  // Longer than this nobody is waited for, whatever its words are.
  static constexpr Span kMaxBackIn = std::chrono::hours(24);
};

// "back_in" of the words of a node, or of what is wished of it.
NodeWords::Span back_in_of(const Json& words);

// What is said of limits of queues: to be compared, and read by people where they differ.  Where it
// would be too long for a lease's text, its hash.
std::string limits_text(const std::map<std::string, std::size_t>& limits);
// Such a text for people: "none" where it is empty.
std::string limits_in_words(const std::string& limits);

// Who has the lease that should be ours, by its words.
enum class Namesake {
  ourselves,  // an earlier life of this daemon; it is gone, for we have its state_dir locked
  rebooted,   // the same, before the machine was started anew: nothing of its runs is left
  another,    // a copy of our state_dir, or ours on another machine: it is waited for as any node
};
Namesake namesake(const NodeWords& holder, const NodeWords& self);

// How far "own" time, microseconds since 1970, is ahead of the node that said "words" so long ago.
std::chrono::microseconds skew(std::int64_t own, const NodeWords& words, NodeWords::Span age);
// A node that differs from one that lives by more does not start: events would show times that
// contradict their order, and `since` would find the wrong ones.
inline constexpr std::chrono::microseconds kMaxSkew = std::chrono::seconds(5);

}  // namespace domed

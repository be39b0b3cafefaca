#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "domed/error.h"

namespace domed {

struct Lease {
  std::string name, holder;
  std::uint64_t renewals = 0;     // grows with each acquire() and renew() of this holder
  std::chrono::milliseconds age;  // since the last of them, as the engine counts
  std::string text;               // the holder's words, at most kMaxLeaseText bytes
};
inline constexpr std::size_t kMaxLeaseText = 4096;

// A facet of a store, "leases": names that one holder at a time has, for a while.
//
// The engine counts the time, on one clock of its own that is compared with nobody's; a
// lease outlives the connection, the process and the machine that took it.  Lost answers:
// each method may be repeated.
//
// Names and holders are 1 to 1024 bytes, and these and the text any bytes; longer
// ones are Error(invalid_argument).
//
// Thread safety: any method by any thread, beside every method of the store.
class Leases {
 public:
  virtual ~Leases() = default;

  // Takes "name" for "ttl" (0: until it is released) where nobody has it, its time is
  // over, or "holder" has it already.  false: another one has it.
  virtual bool acquire(std::string_view name, std::string_view holder,
                       std::chrono::milliseconds ttl, std::string_view text) = 0;

  // Begins the time anew, with new words.  false: "holder" does not have it any more: its time
  // is over, though nobody else may have taken it, or it was released.
  virtual bool renew(std::string_view name, std::string_view holder, std::chrono::milliseconds ttl,
                     std::string_view text) = 0;

  // Gives it back; nothing where "holder" does not have it.
  virtual void release(std::string_view name, std::string_view holder) = 0;

  // All that begin with "prefix", those whose time is over included until somebody
  // takes or releases them, in the order of their names.
  virtual std::vector<Lease> held(std::string_view prefix) const = 0;
};

}  // namespace domed

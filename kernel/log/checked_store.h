#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "domed/store.h"
#include "protocol/damage.h"

namespace domed {

// A store whose bytes are checked: what it gives is what was committed, or an error.  It
// adds to what the store behind it keeps, and takes away again what it added:
//
//   line    eight characters before the LF: base64 of 48 bits of XXH3 over the line,
//           seeded with job and seq, so that a line is right only in its own place.  Each
//           line has its own, because a page may begin and end anywhere in an entry.  It counts
//           as bytes of a page: to ask for what seals may come to, and drop what was too much,
//           read a twentieth more for a large page and a tenth for a small one.
//   head    eight bytes behind it: XXH3 over job, revision and head.
//   fixed   a mark and eight bytes before it: XXH3 over job and fixed.
//
// The lines and "fixed" of a log from before ABI 2.0 have none: lines up to
// plain_until() of its head, and a "fixed" without the mark.
//
// Rejected: one sum for an entry (a range in the middle could be checked only by reading
// the whole entry, and a store would have to keep it beside the bytes); sums kept by each
// store (then a stranger's store decides whether damage is seen); the log's SHA-256 chain
// (it tells that something is wrong in a log of any length, not where).
//
// Damage (protocol/damage.h) names the job and the seq, also where the store behind found it.  A
// read gives the good lines before it and throws only where the first one is not good.  A record of
// find() and list() whose "head" or "fixed" is damaged has none instead (decoding it says so): one
// bad record costs no page.
//
// Thread safety: that of the store behind it.
class CheckedStore final : public Store {
 public:
  // "found" is told of all damage that a read meets, by the thread that reads; it must not throw.
  using Found = std::function<void(const Damage& damage)>;

  // "stale": the store said that it is not what was opened (Code::stale), perhaps again.  Likewise.
  using Stale = std::function<void()>;

  explicit CheckedStore(Store& store, Found found = nullptr, Stale stale = nullptr);

  Durability durability() const noexcept override { return store_.durability(); }
  std::string incarnation() const override { return store_.incarnation(); }
  std::vector<Outcome> commit(std::span<const Entry> entries) override;
  std::optional<Slice> read(std::string_view job_id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes, Direction direction) const override;
  std::optional<JobRecord> find(std::string_view job_id) const override;
  JobPage list(const ListQuery& query) const override;

 private:
  template <class Read>
  auto reading(std::string_view job_id, std::uint64_t seq, Read&& read) const;
  template <class Ask>
  auto asking(Ask&& ask) const;
  void check(JobRecord& record) const;

  Store& store_;
  const Found found_;
  const Stale stale_;
};

// What the seal of a line adds to its bytes in the store.
inline constexpr std::size_t kSealBytes = 8;

// The last seq whose line has no seal, as "record", whose head may be of either format, says.
std::uint64_t plain_until(const JobRecord& record);

}  // namespace domed

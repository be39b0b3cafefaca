#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "base/json.h"
#include "domed/store.h"
#include "protocol/damage.h"
#include "sealing/store_keys.h"

namespace domed {

// A store whose readers do not read what is secret in a record: the values of "env" and
// "secret_env", of the request and of its tool; the bytes of "stdin"; the token that records from
// before ABI 2 have; and the store's own secret, of which the tokens of external jobs are made.
// All other tokens stand in a record as their SHA-256 alone.
//
// Each is sealed when an entry goes to the store behind, in its place in "fixed", as
//
//   {"sealed": TEXT}   TEXT as in sealing/store_keys.h, its field "request.env.NAME" and the like
//
// and open again in what find() and list() give: nobody else knows of it.  No text of a request is
// taken for it, for none of those values may be an object; and who does not know the form refuses
// the record for that shape, and runs nothing without its values.  Without a key all goes to the
// store as it is.  Records that are not sealed are read as they are.
//
// A record that wants a key which is not here stays as the store has it: decoding it says which one
// (JobFixed::decode).  One whose seal does not fit has an empty "fixed", as CheckedStore leaves a
// damaged one.  Either way it costs that job alone.
//
// Thread safety: that of the store behind it.
class SealedStore final : public Store {
 public:
  // Told of each record that cannot be opened, by the thread that reads; must not throw.
  using Found = std::function<void(const Damage& damage)>;

  SealedStore(Store& store, StoreKeys keys, Found found = nullptr);

  Durability durability() const noexcept override { return store_.durability(); }
  std::string incarnation() const override { return store_.incarnation(); }
  std::vector<Outcome> commit(std::span<const Entry> entries) override;
  std::optional<Slice> read(std::string_view job_id, std::uint64_t from, std::size_t max_events,
                            std::size_t max_bytes,
                            Direction direction = Direction::forward) const override {
    return store_.read(job_id, from, max_events, max_bytes, direction);  // has no "fixed"
  }
  std::optional<JobRecord> find(std::string_view job_id) const override;
  JobPage list(const ListQuery& query) const override;

  // Whether all that is secret in the job's record is as commit() would have it now: sealed by the
  // first key, or not at all where there is none.  True where there is no record.
  bool is_sealed_as_now(std::string_view job_id) const;

 private:
  std::string sealed(std::string_view job_id, std::string_view bytes) const;
  void open(JobRecord& record) const;
  void spoil(JobRecord& record, const std::string& why) const;

  Store& store_;
  const StoreKeys keys_;
  const Found found_;
};

// The keys by whose ids something in "fixed", as a store has it, is sealed.
std::set<std::string> keys_of_sealed(std::string_view job_id, std::string_view fixed);

// "its FIELD is sealed with the store key ID, ...", and what to do, of the first value of "fixed"
// that is not open; empty: there is none.  Both throw Error(corruption) for a seal that is none.
std::string sealed_problem(std::string_view job_id, std::string_view fixed);

}  // namespace domed

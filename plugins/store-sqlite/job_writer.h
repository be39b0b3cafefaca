#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "domed/store.h"
#include "lookup.h"
#include "sqlite.h"

namespace domed {

// Does entries to the tables, inside a transaction of the caller's.
class JobWriter {
 public:
  JobWriter(sqlite::Connection& connection, const Lookup& lookup)
      : connection_(connection), lookup_(lookup) {}

  Outcome apply(const Entry& entry, Lookup::First first = Lookup::First::index);

  // Whether bytes were deleted for good since this was asked last, older copies of which
  // the write-ahead log may hold.
  bool take_shredded() { return std::exchange(shredded_, false); }
  // Whether pages may have become free since then.
  bool take_freed() { return std::exchange(freed_, false); }

 private:
  // A job as an entry finds it.
  struct Found {
    std::int64_t no = 0;
    std::string revision;
    std::uint64_t first_seq = 1;
    std::uint64_t head_seq = 0;
    bool tombstone = false;
    // As they are, where the entry has others; absent where it has the same.
    std::optional<JobColumns> columns;
  };

  std::optional<Found> locate(const Entry& entry, Lookup::First first);
  static Found found_in(sqlite::Query& row, const Entry& entry);
  void create(const Entry& entry);
  void append(const Entry& entry, std::int64_t no);
  void trim(const Entry& entry, const Found& found);
  void cut(std::int64_t no, std::uint64_t first_seq);
  void purge(const Found& found);
  void drop(const Entry& entry, const Found& found);
  void write_fixed(const Entry& entry, std::int64_t no);
  void write_row(const Entry& entry, const Found& found);
  void write_columns(const Entry& entry, const Found& found);
  void enter(const std::vector<std::string>& lists, std::int64_t created, const Entry& entry,
             std::int64_t no);
  void leave(const std::vector<std::string>& lists, std::int64_t created, const Entry& entry);

  sqlite::Connection& connection_;
  const Lookup& lookup_;
  bool shredded_ = false;
  bool freed_ = false;
};

}  // namespace domed

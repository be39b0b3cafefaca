#pragma once

#include <cstdint>
#include <string>

#include "sqlite.h"

namespace domed {

// A place in the order of listings.
struct Place {
  std::int64_t created = 0;
  std::string job_id;
  auto operator<=>(const Place&) const = default;
};

// A row of an index: list, created, job_id, no.
struct ListRow {
  std::string list;
  Place place;
  std::int64_t no = 0;
};

enum class Way { down, up };

// Walks the rows of an index in its order and looks at each beside the next one.  SQLite
// believes every key: one flipped byte of a key, or of a pointer to one, ends a search or a
// range too early without an error, but then the key does not stand between its neighbours.
class Walk {
 public:
  // Binds "values", which outlive it, to "sql", which selects the columns of a ListRow.
  template <class... Values>
  Walk(sqlite::Connection& connection, const std::string& sql, Way way, Values... values)
      : path_(connection.path()),
        way_(way),
        query_(connection.prepared(sql), connection.path(), values...) {
    read_ahead();
  }

  // To the next row; false: no more.  Throws Error(corruption) where the one behind it does
  // not follow on it.
  bool next();
  const ListRow& row() const { return row_; }
  // The one before row(), where there is one.
  const ListRow& previous() const { return previous_; }
  // Throws it for the row that it stands at.
  [[noreturn]] void refuse() const;

 private:
  void read_ahead();

  const std::string& path_;
  const Way way_;
  sqlite::Query query_;
  ListRow previous_, row_, ahead_;
  bool has_ahead_ = false;
};

// Whether a search came down where it should: its wrong turn at a damaged key shows in that
// key's order beside the next one, of which "sql", against the way of the search, selects
// both.  Throws as Walk does.
template <class... Values>
void check_order(sqlite::Connection& connection, const std::string& sql, Way way,
                 Values... values) {
  Walk(connection, sql, way, values...).next();
}

}  // namespace domed

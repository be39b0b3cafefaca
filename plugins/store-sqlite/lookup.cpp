#include "lookup.h"

#include <xxhash.h>

namespace domed {
namespace {

using sqlite::Blob;
using sqlite::Connection;

// The same in every version of the library, and on every machine.
std::int64_t hash_of(std::string_view job_id) {
  return static_cast<std::int64_t>(XXH3_64bits(job_id.data(), job_id.size()));
}

}  // namespace

bool Lookup::step(sqlite::Query& row, std::optional<Error>& damage) {
  try {
    return row.step();
  } catch (const Error& error) {
    if (error.code() != Code::corruption) throw;
    if (!damage) damage = error;
    return false;
  }
}

// The id is compared with the row's own: "+" keeps SQLite from asking the index for it.
std::int64_t Lookup::by_hash(Connection& connection, std::string_view job_id,
                             std::optional<Error>& damage) {
  auto row = connection.query(
      "SELECT jobs.no FROM named CROSS JOIN jobs ON jobs.no = named.no"
      " WHERE named.hash = ? AND +jobs.job_id = ?",
      hash_of(job_id), Blob{job_id});
  return step(row, damage) ? row.integer() : 0;
}

// It is that job's damage alone.
void Lookup::refuse(std::string_view job_id, const Error& damage) {
  throw Error(Code::corruption, "the record of the job '" + std::string(job_id) +
                                    "' cannot be read: " + damage.what());
}

void Lookup::tell_of(const Connection& connection, std::string_view job_id) const {
  tell_(connection.path() + ": the index of job ids is damaged: it misses the job '" +
        std::string(job_id) +
        "', which was found by the second one, as all others will be: stop domed, keep a copy of "
        "the file, and run 'sqlite3 " +
        connection.path() + " \"REINDEX jobs\"', or restore a backup");
}

void put_name(Connection& connection, std::string_view job_id, std::int64_t no) {
  connection.query("INSERT OR REPLACE INTO named(hash, no) VALUES(?, ?)", hash_of(job_id), no)
      .run();
}

void drop_name(Connection& connection, std::string_view job_id, std::int64_t no) {
  connection.query("DELETE FROM named WHERE hash = ? AND no = ?", hash_of(job_id), no).run();
}

}  // namespace domed

#include "schema.h"

#include <array>
#include <string>

namespace domed {
namespace {

// "DOME", as file(1) shows it.
constexpr std::int64_t kApplicationId = 0x444f4d45;

// Step i leads from version i to version i + 1.  A step that a release has
// shipped is never changed.
constexpr std::array kSteps = {
    // STRICT keeps a foreign hand from storing another type.  The tables of
    // version 1 and why they are so: schema.h.
    R"(CREATE TABLE jobs(
         no INTEGER PRIMARY KEY,
         job_id BLOB NOT NULL UNIQUE,
         created INTEGER NOT NULL UNIQUE,
         first_seq INTEGER NOT NULL,
         head_seq INTEGER NOT NULL,
         tombstone INTEGER NOT NULL,
         unfinished INTEGER NOT NULL,
         state TEXT NOT NULL,
         tool_id TEXT NOT NULL,
         labels TEXT NOT NULL,
         head BLOB NOT NULL) STRICT;
       CREATE INDEX jobs_by_state ON jobs(state, created) WHERE tombstone = 0;
       CREATE INDEX jobs_unfinished ON jobs(created) WHERE unfinished = 1 AND tombstone = 0;
       CREATE INDEX tombstones ON jobs(created) WHERE tombstone = 1;
       CREATE TABLE fixed(no INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
       CREATE TABLE chunks(key INTEGER PRIMARY KEY, lines BLOB NOT NULL) STRICT;)",
};
constexpr std::int64_t kVersion = kSteps.size();

std::int64_t number(sqlite::Connection& connection, const char* sql) {
  auto query = connection.query(sql);
  return query.step() ? query.integer() : 0;
}

void refuse_foreign(const sqlite::Connection& connection) {
  throw Error(Code::unsupported,
              connection.path() +
                  " is an SQLite database of another program: nothing was changed; choose another "
                  "path");
}

void refuse_newer(const sqlite::Connection& connection, std::int64_t version) {
  throw Error(Code::unsupported, connection.path() + " has layout " + std::to_string(version) +
                                     ", this store-sqlite knows up to " + std::to_string(kVersion) +
                                     ": use the newer domed that wrote it, or choose another path");
}

void refuse_damaged(const sqlite::Connection& connection, std::int64_t version, bool empty) {
  throw Error(Code::corruption,
              connection.path() + " says that it has layout " + std::to_string(version) +
                  (empty ? " and has no tables" : " and has tables") +
                  ": nothing was changed; restore a backup, or choose another path");
}

// The version found, checked; 0 for an empty database.
std::int64_t version_of(sqlite::Connection& connection) {
  const std::int64_t application = number(connection, "PRAGMA application_id");
  const std::int64_t version = number(connection, "PRAGMA user_version");
  const bool empty = number(connection, "SELECT count(*) FROM sqlite_schema") == 0;
  if (application != kApplicationId && !(application == 0 && version == 0 && empty))
    refuse_foreign(connection);
  if (version > kVersion) refuse_newer(connection, version);
  if (version < 0 || (version == 0) != empty) refuse_damaged(connection, version, empty);
  return version;
}

}  // namespace

void migrate(sqlite::Connection& connection) {
  if (version_of(connection) == kVersion) return;
  sqlite::Transaction transaction(connection, sqlite::Transaction::Kind::write);
  for (std::int64_t version = version_of(connection); version < kVersion; ++version)
    connection.run(kSteps[static_cast<std::size_t>(version)]);
  connection.run("PRAGMA application_id = " + std::to_string(kApplicationId));
  connection.run("PRAGMA user_version = " + std::to_string(kVersion));
  transaction.commit();
}

}  // namespace domed

#include "schema.h"

#include <string>

namespace domed {
namespace {

// STRICT keeps a foreign hand from storing another type.
constexpr auto kTables =
    R"(CREATE TABLE jobs(
         no INTEGER PRIMARY KEY,
         job_id BLOB NOT NULL UNIQUE,
         created INTEGER NOT NULL,
         first_seq INTEGER NOT NULL,
         head_seq INTEGER NOT NULL,
         tombstone INTEGER NOT NULL,
         unfinished INTEGER NOT NULL,
         state BLOB NOT NULL,
         tags BLOB NOT NULL,
         revision BLOB NOT NULL,
         head BLOB NOT NULL) STRICT;
       CREATE TABLE listed(
         list BLOB NOT NULL,
         created INTEGER NOT NULL,
         job_id BLOB NOT NULL,
         no INTEGER NOT NULL,
         PRIMARY KEY(list, created, job_id)) WITHOUT ROWID, STRICT;
       CREATE TABLE named(
         hash INTEGER NOT NULL,
         no INTEGER NOT NULL,
         PRIMARY KEY(hash, no)) WITHOUT ROWID, STRICT;
       CREATE TABLE IF NOT EXISTS fixed(no INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
       CREATE TABLE IF NOT EXISTS chunks(key INTEGER PRIMARY KEY, lines BLOB NOT NULL) STRICT;
       CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID, STRICT;)";

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
                                     ", this store-sqlite knows up to " + std::to_string(kLayout) +
                                     ": use the newer domed that wrote it, or choose another path");
}

void refuse_damaged(const sqlite::Connection& connection, std::int64_t version, bool empty) {
  throw Error(Code::corruption,
              connection.path() + " says that it has layout " + std::to_string(version) +
                  (empty ? " and has no tables" : " and has tables") +
                  ": nothing was changed; restore a backup, or choose another path");
}

// Every column of every table, as SQLite has read them.
std::string shape_of(sqlite::Connection& connection) {
  std::string shape;
  auto columns = connection.query(
      "SELECT tables.name || '.' || columns.name || ' ' || columns.type || ' ' || columns.pk || "
      "columns.\"notnull\" FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns "
      "WHERE tables.type = 'table' AND tables.name NOT LIKE 'sqlite!_%' ESCAPE '!' "
      "ORDER BY tables.name, columns.cid");
  while (columns.step()) shape.append(columns.bytes()) += '\n';
  return shape;
}

// SQLite checks no byte of a table's description: a letter of a column's name that was changed
// would look like a defect of every statement.
void refuse_other_tables(sqlite::Connection& connection) {
  sqlite::Connection good(":memory:");
  good.run(kTables);
  if (shape_of(connection) == shape_of(good)) return;
  throw Error(Code::corruption, connection.path() +
                                    ": its tables are not those of this layout: nothing was "
                                    "changed; stop domed, keep a copy, and restore a backup");
}

}  // namespace

std::int64_t layout_of(sqlite::Connection& connection) {
  const std::int64_t application = number(connection, "PRAGMA application_id");
  const std::int64_t version = number(connection, "PRAGMA user_version");
  const bool empty = number(connection, "SELECT count(*) FROM sqlite_schema") == 0;
  if (application != kApplicationId && !(application == 0 && version == 0 && empty))
    refuse_foreign(connection);
  if (version > kLayout) refuse_newer(connection, version);
  if (version < 0 || (version == 0) != empty) refuse_damaged(connection, version, empty);
  if (version == kLayout) refuse_other_tables(connection);
  return version;
}

void make_tables(sqlite::Connection& connection) {
  connection.run(kTables);
}

void mark_layout(sqlite::Connection& connection) {
  connection.run("PRAGMA application_id = " + std::to_string(kApplicationId));
  connection.run("PRAGMA user_version = " + std::to_string(kLayout));
}

void make_layout(sqlite::Connection& connection) {
  sqlite::Transaction transaction(connection, sqlite::Transaction::Kind::write);
  make_tables(connection);
  mark_layout(connection);
  transaction.commit();
}

}  // namespace domed

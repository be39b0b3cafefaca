#include "sqlite.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace domed::sqlite {
namespace {

bool is_full(int result, int error_number) {
  const bool medium = result == SQLITE_IOERR || result == SQLITE_CANTOPEN;
  return result == SQLITE_FULL || result == SQLITE_NOMEM ||
         (medium && (error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG ||
                     error_number == EMFILE || error_number == ENFILE));
}

Code code_of(int result, int error_number) {
  if (is_full(result, error_number)) return Code::exhausted;
  switch (result) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Code::corruption;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_PROTOCOL:
      return Code::io;
    case SQLITE_TOOBIG:
      return Code::invalid_argument;
    default:
      return Code::internal;
  }
}

const char* advice_for(int result, Code code) {
  if (result == SQLITE_BUSY || result == SQLITE_LOCKED)
    return "another program holds a lock on the file: close it";
  if (result == SQLITE_READONLY || result == SQLITE_PERM)
    return "make the file and its directory writable for this user";
  if (result == SQLITE_NOMEM) return "free some memory, or lower the option cache";
  switch (code) {
    case Code::exhausted:
      return "make room on the file system, or raise the limit; it then goes on by itself";
    case Code::corruption:
      return "stop domed and keep a copy of the file; restore a backup, or save what can be read "
             "with the sqlite3 shell's .recover";
    case Code::io:
      return "look at the file system and at the kernel's log";
    default:
      return "this is a defect of store-sqlite: report it with this text";
  }
}

sqlite3* open_file(const std::string& path, const char* vfs) {
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  sqlite3* db = nullptr;
  const int result = sqlite3_open_v2(path.c_str(), &db, kFlags, vfs);
  if (result == SQLITE_OK) return db;
  try {
    fail(db, result, path);
  } catch (...) {
    sqlite3_close_v2(db);
    throw;
  }
}

// What is left where "file" stands, as far as it can be told.
std::string room_at(const std::string& file) {
  struct statvfs status {};
  if (::statvfs(file.c_str(), &status) != 0) return {};
  const std::uint64_t bytes = std::uint64_t{status.f_bavail} * status.f_frsize;
  return "; " + std::to_string(bytes >> 10) + " KiB are free for this user";
}

// Null would bind NULL where an empty value is meant.
const char* data_of(std::string_view bytes) {
  return bytes.empty() ? "" : bytes.data();
}

}  // namespace

void fail(sqlite3* db, int result, const std::string& file) {
  const int error_number = db == nullptr ? 0 : sqlite3_system_errno(db);
  const int primary = result & 0xff;
  const Code code = code_of(primary, error_number);
  std::string text = file + ": " + (db == nullptr ? sqlite3_errstr(result) : sqlite3_errmsg(db));
  if (error_number != 0 && code != Code::corruption)
    text += std::string(" (") + std::strerror(error_number) + ')';
  if (code == Code::exhausted && primary != SQLITE_NOMEM) text += room_at(file);
  throw Error(code, text + ": " + advice_for(primary, code));
}

Query::~Query() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void Query::check(int result) {
  if (result != SQLITE_OK) fail(sqlite3_db_handle(statement_), result, file_);
}

void Query::bind(std::int64_t value) {
  check(sqlite3_bind_int64(statement_, ++parameter_, value));
}

void Query::bind(Blob value) {
  check(sqlite3_bind_blob64(statement_, ++parameter_, data_of(value.bytes), value.bytes.size(),
                            SQLITE_STATIC));
}

void Query::bind(Text value) {
  check(sqlite3_bind_text64(statement_, ++parameter_, data_of(value.bytes), value.bytes.size(),
                            SQLITE_STATIC, SQLITE_UTF8));
}

bool Query::step() {
  column_ = 0;
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result != SQLITE_DONE) check(result);
  return false;
}

std::int64_t Query::integer() {
  return sqlite3_column_int64(statement_, column_++);
}

std::string_view Query::bytes() {
  const void* data = sqlite3_column_blob(statement_, column_);
  const int size = sqlite3_column_bytes(statement_, column_++);
  if (data == nullptr) return {};
  return {static_cast<const char*>(data), static_cast<std::size_t>(size)};
}

Connection::Connection(const std::string& path, const char* vfs)
    : path_(path), db_(open_file(path, vfs)) {}

void Connection::run(const std::string& sql) {
  const int result = sqlite3_exec(db_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) fail(db_.get(), result, path_);
}

std::string Connection::ask(const std::string& sql) {
  Query query(prepared(sql), path_);
  return query.step() ? std::string(query.bytes()) : std::string();
}

sqlite3_stmt* Connection::prepared(const std::string& sql) {
  auto& slot = statements_[sql];
  if (slot) return slot.get();
  sqlite3_stmt* statement = nullptr;
  const int result = sqlite3_prepare_v3(db_.get(), sql.c_str(), static_cast<int>(sql.size()) + 1,
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (result != SQLITE_OK) fail(db_.get(), result, path_);
  slot.reset(statement);
  return slot.get();
}

Transaction::Transaction(Connection& connection, Kind kind)
    : connection_(connection), rollback_(connection.prepared("ROLLBACK")) {
  connection_.query(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN").run();
}

Transaction::~Transaction() {
  // A failed statement may have rolled back already; what remains is undone
  // here, and an error of that has nobody left to tell.
  if (!connection_.in_transaction()) return;
  sqlite3_step(rollback_);
  sqlite3_reset(rollback_);
}

void Transaction::commit() {
  connection_.query("COMMIT").run();
}

}  // namespace domed::sqlite

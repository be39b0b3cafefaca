#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "domed/error.h"

// A plain wrapper around SQLite that knows nothing of jobs: connections,
// statements prepared once, errors that say what to do.
namespace domed::sqlite {

// How to bind bytes.  They must stay valid while the Query lives.
struct Blob {
  std::string_view bytes;
};
struct Text {
  std::string_view bytes;
};

// Throws what "result" means: exhausted for a full disk, corruption for a
// damaged file, io for the rest of what the medium does.  "db" may be null.
[[noreturn]] void fail(sqlite3* db, int result, const std::string& file);

// One run of a prepared statement.  Resets it at the end of its life, so that
// it keeps no lock and no snapshot.
class Query {
 public:
  // Binds "values" to the parameters, in their order.
  template <class... Values>
  Query(sqlite3_stmt* statement, const std::string& file, Values... values)
      : statement_(statement), file_(file) {
    (bind(values), ...);
  }
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  ~Query();

  bool step();               // false: no more rows
  void run() { step(); }     // a statement without rows
  std::int64_t integer();    // the next column of this row
  std::string_view bytes();  // likewise; valid until the next step

 private:
  void bind(std::int64_t value);
  void bind(Blob value);
  void bind(Text value);
  void check(int result);

  sqlite3_stmt* statement_;
  const std::string& file_;
  int parameter_ = 0;
  int column_ = 0;
};

// One connection, for one thread at a time.
class Connection {
 public:
  // Opens the existing file "path", through the file system layer "vfs" (null: the default).
  explicit Connection(const std::string& path, const char* vfs = nullptr);

  const std::string& path() const { return path_; }
  sqlite3* get() const { return db_.get(); }

  // Runs "sql" once; it may be several statements.
  void run(const std::string& sql);
  // The first column of the first row of "sql"; empty where there is none.
  std::string ask(const std::string& sql);

  // "sql", which must live as long as this, with its parameters bound, prepared at the first use
  // only.
  template <class... Values>
  Query query(const char* sql, Values... values) {
    auto& statement = literals_[sql];
    if (!statement) statement = prepared(sql);
    return {statement, path_, values...};
  }
  sqlite3_stmt* prepared(const std::string& sql);
  // Rows that the last statement changed.
  std::int64_t changes() const { return sqlite3_changes64(db_.get()); }
  bool in_transaction() const { return sqlite3_get_autocommit(db_.get()) == 0; }

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };

  std::string path_;
  std::unique_ptr<sqlite3, Close> db_;
  std::unordered_map<std::string, std::unique_ptr<sqlite3_stmt, Finalize>> statements_;
  std::unordered_map<const char*, sqlite3_stmt*> literals_;  // of those, found without a copy
};

// Rolled back at the end of its life unless committed.
class Transaction {
 public:
  enum class Kind { read, write };
  Transaction(Connection& connection, Kind kind);
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  void commit();

 private:
  Connection& connection_;
  sqlite3_stmt* rollback_;  // prepared beforehand: a destructor cannot fail
};

}  // namespace domed::sqlite

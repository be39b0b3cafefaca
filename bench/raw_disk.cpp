#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <memory>
#include <stdexcept>

#include "bench/raw.h"
#include "system/fd.h"

namespace domed::bench {
namespace {

constexpr std::size_t kPayload = 128;
constexpr std::uint64_t kRows = 1000;

// A database with a row for each event, as one would write it by hand.
class Rows {
 public:
  explicit Rows(const std::string& path) {
    sqlite3* db = nullptr;
    must(sqlite3_open(path.c_str(), &db));
    db_.reset(db);
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("CREATE TABLE events(job INTEGER, seq INTEGER, payload BLOB, PRIMARY KEY(job, seq))"
        " WITHOUT ROWID");
    sqlite3_stmt* statement = nullptr;
    must(sqlite3_prepare_v2(db, "INSERT INTO events VALUES(?, ?, ?)", -1, &statement, nullptr));
    insert_.reset(statement);
  }
  void run(const char* sql) { must(sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr)); }
  void insert(std::uint64_t job, std::uint64_t seq) {
    sqlite3_bind_int64(insert_.get(), 1, static_cast<sqlite3_int64>(job));
    sqlite3_bind_int64(insert_.get(), 2, static_cast<sqlite3_int64>(seq));
    sqlite3_bind_blob(insert_.get(), 3, payload_.data(), kPayload, SQLITE_STATIC);
    if (sqlite3_step(insert_.get()) != SQLITE_DONE) throw std::runtime_error("raw SQLite: insert");
    sqlite3_reset(insert_.get());
  }

 private:
  static void must(int result) {
    if (result != SQLITE_OK) throw std::runtime_error("raw SQLite: " + std::to_string(result));
  }
  struct Free {
    void operator()(sqlite3* db) const { sqlite3_close(db); }
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3, Free> db_;
  std::unique_ptr<sqlite3_stmt, Free> insert_;
  const std::string payload_ = std::string(kPayload, 'x');
};

}  // namespace

double raw_sqlite_batches(const std::string& directory, std::uint64_t jobs, std::uint64_t commits) {
  Rows rows(directory + "/rows-" + std::to_string(jobs) + ".db");
  std::uint64_t event = 0;
  const double begin = now_us();
  for (std::uint64_t i = 0; i < commits; ++i) {
    rows.run("BEGIN");
    for (std::uint64_t j = 0; j < kRows; ++j, ++event) rows.insert(event % jobs, event / jobs);
    rows.run("COMMIT");
  }
  return static_cast<double>(event) / (now_us() - begin) * 1e6;
}

Latency raw_sqlite_singles(const std::string& directory, std::uint64_t commits) {
  Rows rows(directory + "/single.db");
  Latency latency;
  for (std::uint64_t i = 0; i < commits; ++i) {
    const double begin = now_us();
    rows.insert(1, i);
    latency.add(now_us() - begin);
  }
  return latency;
}

Latency raw_fdatasync(const std::string& directory, std::uint64_t writes) {
  const Fd fd(open((directory + "/raw").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string block(4096, 'x');
  Latency latency;
  for (std::uint64_t i = 0; i < writes; ++i) {
    const double begin = now_us();
    if (write(fd.get(), block.data(), block.size()) != 4096 || fdatasync(fd.get()) != 0)
      throw std::runtime_error("raw write: the disk refuses");
    latency.add(now_us() - begin);
  }
  return latency;
}

}  // namespace domed::bench

#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "domed/error.h"
#include "values.h"

namespace domed::postgres {

using SteadyClock = std::chrono::steady_clock;
using Deadline = SteadyClock::time_point;

// The connection is gone, or its server did not answer in time.  What was under way may have been
// done, or may yet be.
class Lost : public Error {
 public:
  explicit Lost(const std::string& what) : Error(Code::io, what) {}
};

// The server refused a statement; nothing of its transaction was done.
class Refused : public Error {
 public:
  Refused(Code code, std::string state, const std::string& what)
      : Error(code, what), state_(std::move(state)) {}
  const std::string& state() const { return state_; }  // SQLSTATE

 private:
  std::string state_;
};

// What a statement gave, in binary.  Views live as long as it does.
class Rows {
 public:
  explicit Rows(PGresult* result) : result_(result, PQclear) {}

  int size() const { return PQntuples(result_.get()); }
  bool is_null(int row, int column) const { return PQgetisnull(result_.get(), row, column) == 1; }
  std::string_view bytes(int row, int column) const;
  std::string text(int row, int column) const { return std::string(bytes(row, column)); }
  std::int64_t number(int row, int column) const;  // int4, int8
  bool boolean(int row, int column) const;
  std::vector<std::string> array(int row, int column) const;  // bytea[]
  // What kind of statement it was: "COMMIT", "ROLLBACK".
  std::string_view command() const { return PQcmdStatus(result_.get()); }

 private:
  std::unique_ptr<PGresult, void (*)(PGresult*)> result_;
};

// A statement that each connection prepares when it first needs it.
struct Statement {
  const char* name;
  const char* sql;
};

// Keywords and values as libpq takes them.
using Parameters = std::vector<std::pair<std::string, std::string>>;

// One connection, which no two threads use at once, but for wake().  Every wait has a deadline,
// at which the connection is closed: whatever was asked last is then not known.
class Connection {
 public:
  // Throws Lost.
  Connection(const Parameters& parameters, Deadline deadline);

  // Throw Lost, Refused.
  Rows run(const Statement& statement, const Values& values, Deadline deadline);
  Rows run(const std::string& sql, const Values& values, Deadline deadline);

  // Statements that are sent without waiting for each other, up to and with finish(), and whose
  // answers are then taken in their order.  A Refused ends it: the rest is then taken by drain().
  void begin_pipeline(const std::vector<const Statement*>& statements, Deadline deadline);
  void send(const Statement& statement, const Values& values);
  void finish();
  Rows next(Deadline deadline);
  void end_pipeline(Deadline deadline);

  // Whether it is not known to be gone: looked at, not asked.
  bool is_alive();

  // Waits until the server says something by itself, "other" is readable, or "deadline".
  void rest(int other, Deadline deadline);
  // Takes what was notified; whether there was anything.
  bool notified();

  // Warnings so far: a success that comes with one may be none.
  const std::string& warnings() const { return warnings_; }
  void forget_warnings() { warnings_.clear(); }

 private:
  struct Close {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };

  void prepare(const Statement& statement, Deadline deadline);
  PGresult* found_result(Deadline deadline);
  PGresult* result(Deadline deadline);
  Rows answer(PGresult* result);
  void drain(Deadline deadline);
  void wait_for_answer(Deadline deadline);
  void wait_for_socket(short events, Deadline deadline);
  [[noreturn]] void lose(const std::string& why);

  std::unique_ptr<PGconn, Close> connection_;
  std::set<std::string> prepared_;
  std::string warnings_;
  bool dismissed_ = false;
};

}  // namespace domed::postgres

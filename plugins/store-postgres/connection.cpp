#include "connection.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace domed::postgres {
namespace {

using Result = std::unique_ptr<PGresult, void (*)(PGresult*)>;

std::string one_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  for (char& c : text)
    if (c == '\n' || c == '\t') c = ' ';
  return text;
}

int left(Deadline deadline) {
  const auto time = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyClock::now());
  return static_cast<int>(std::clamp<std::int64_t>(time.count(), 0, 1 << 30));
}

// The classes of SQLSTATE that say more than "the statement is wrong".
Code code_of(const std::string& state) {
  if (state == "23514") return Code::invalid_argument;  // a CHECK of our tables
  if (state.starts_with("53") || state == "54000") return Code::exhausted;
  if (state.starts_with("58") || state.starts_with("08") || state.starts_with("57"))
    return Code::io;
  if (state.starts_with("40") || state.starts_with("55")) return Code::io;  // try again
  if (state == "25006") return Code::io;  // read-only: no longer the primary
  if (state.starts_with("XX001") || state.starts_with("XX002")) return Code::corruption;
  return Code::internal;
}

}  // namespace

std::string_view Rows::bytes(int row, int column) const {
  return {PQgetvalue(result_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::int64_t Rows::number(int row, int column) const {
  const std::string_view value = bytes(row, column);
  if (value.size() == 4) return static_cast<std::int32_t>(get(value));
  return static_cast<std::int64_t>(get(value));
}

bool Rows::boolean(int row, int column) const {
  return bytes(row, column) != std::string_view("\0", 1);
}

std::vector<std::string> Rows::array(int row, int column) const {
  std::vector<std::string> values;
  std::string_view rest = bytes(row, column);
  if (rest.size() < 20) return values;  // without a dimension it is empty
  std::uint64_t count = get(rest.substr(12, 4));
  rest.remove_prefix(20);
  for (; count > 0 && rest.size() >= 4; --count) {
    const std::uint64_t size = get(rest.substr(0, 4));
    values.emplace_back(rest.substr(4, size));
    rest.remove_prefix(std::min<std::size_t>(rest.size(), 4 + size));
  }
  return values;
}

Connection::Connection(const Parameters& parameters, Deadline deadline) {
  std::vector<const char*> keywords, values;
  for (const auto& [keyword, value] : parameters) {
    keywords.push_back(keyword.c_str());
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  // The URL is the value of "dbname".
  connection_.reset(PQconnectStartParams(keywords.data(), values.data(), 1));
  if (!connection_) throw Error(Code::exhausted, "store-postgres: out of memory");
  // Each host has its turn within libpq, which begins with the next one when one refuses.
  for (PostgresPollingStatusType status = PGRES_POLLING_WRITING; status != PGRES_POLLING_OK;
       status = PQconnectPoll(connection_.get())) {
    if (status == PGRES_POLLING_FAILED || PQstatus(connection_.get()) == CONNECTION_BAD)
      lose("cannot connect");
    wait_for_socket(status == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline);
  }
  PQsetnonblocking(connection_.get(), 1);
  // Without details: they show what stands in the row that is refused.
  PQsetErrorVerbosity(connection_.get(), PQERRORS_TERSE);
  PQsetNoticeReceiver(
      connection_.get(),
      [](void* self, const PGresult* notice) {
        const char* severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
        auto* connection = static_cast<Connection*>(self);
        // The last word to a connection that was idle; its end comes behind it.
        if (severity && std::strcmp(severity, "FATAL") == 0) connection->dismissed_ = true;
        if (severity && std::strcmp(severity, "WARNING") == 0)
          connection->warnings_ +=
              std::string(PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY)) + "; ";
      },
      this);
}

Rows Connection::run(const Statement& statement, const Values& values, Deadline deadline) {
  prepare(statement, deadline);
  if (PQsendQueryPrepared(connection_.get(), statement.name, values.count(), values.pointers(),
                          values.lengths(), values.formats(), 1) != 1)
    lose("cannot send");
  Rows rows = answer(result(deadline));
  drain(deadline);
  return rows;
}

Rows Connection::run(const std::string& sql, const Values& values, Deadline deadline) {
  if (PQsendQueryParams(connection_.get(), sql.c_str(), values.count(), nullptr, values.pointers(),
                        values.lengths(), values.formats(), 1) != 1)
    lose("cannot send");
  Rows rows = answer(result(deadline));
  drain(deadline);
  return rows;
}

void Connection::prepare(const Statement& statement, Deadline deadline) {
  if (prepared_.contains(statement.name)) return;
  if (PQsendPrepare(connection_.get(), statement.name, statement.sql, 0, nullptr) != 1)
    lose("cannot send");
  answer(result(deadline));
  drain(deadline);
  prepared_.insert(statement.name);
}

void Connection::begin_pipeline(const std::vector<const Statement*>& statements,
                                Deadline deadline) {
  for (const Statement* statement : statements) prepare(*statement, deadline);
  if (PQenterPipelineMode(connection_.get()) != 1) lose("cannot begin a pipeline");
}

void Connection::send(const Statement& statement, const Values& values) {
  if (PQsendQueryPrepared(connection_.get(), statement.name, values.count(), values.pointers(),
                          values.lengths(), values.formats(), 1) != 1)
    lose("cannot send");
}

void Connection::finish() {
  if (PQpipelineSync(connection_.get()) != 1) lose("cannot send");
}

Rows Connection::next(Deadline deadline) {
  return answer(found_result(deadline));
}

// Takes the answers that are left, up to that of finish().
void Connection::end_pipeline(Deadline deadline) {
  for (;;) {
    const Result found(found_result(deadline), PQclear);
    if (PQresultStatus(found.get()) == PGRES_PIPELINE_SYNC) break;
    if (PQstatus(connection_.get()) == CONNECTION_BAD) lose("the connection ended");
  }
  if (PQexitPipelineMode(connection_.get()) != 1) lose("cannot end a pipeline");
}

// Settings that were changed come by themselves too, and mean nothing.
bool Connection::is_alive() {
  pollfd ready{PQsocket(connection_.get()), POLLIN, 0};
  while (::poll(&ready, 1, 0) > 0) {
    if (PQconsumeInput(connection_.get()) != 1) return false;
    PQisBusy(connection_.get());  // reads what was consumed
    if (dismissed_ || PQstatus(connection_.get()) != CONNECTION_OK) return false;
  }
  return true;
}

void Connection::rest(int other, Deadline deadline) {
  pollfd ready[] = {{PQsocket(connection_.get()), POLLIN, 0}, {other, POLLIN, 0}};
  if (::poll(ready, 2, left(deadline)) < 0 && errno != EINTR) lose("cannot wait");
  if (ready[0].revents != 0 && PQconsumeInput(connection_.get()) != 1) lose("the connection ended");
}

bool Connection::notified() {
  bool any = false;
  while (PGnotify* notify = PQnotifies(connection_.get())) {
    PQfreemem(notify);
    any = true;
  }
  return any;
}

PGresult* Connection::result(Deadline deadline) {
  wait_for_answer(deadline);
  return PQgetResult(connection_.get());
}

// Between two statements there is an end without a result.  Several in a row: nothing is under way
// any more, though an answer is missing, and whoever waits for it would wait for ever.
PGresult* Connection::found_result(Deadline deadline) {
  constexpr int kMostEnds = 3;
  for (int ends = 0; ends < kMostEnds; ++ends)
    if (PGresult* found = result(deadline)) return found;
  lose("an answer is missing");
}

Rows Connection::answer(PGresult* result) {
  Rows rows(result);
  if (!result) lose("no answer");
  switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
      return rows;
    default:
      break;
  }
  const std::string text = one_line(PQresultErrorMessage(result));
  // Whoever is thrown out cannot know how far the server came.
  if (PQstatus(connection_.get()) == CONNECTION_BAD) lose(text);
  const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string known = state ? state : "";
  // Severity FATAL: the server ends the connection behind this answer.
  const char* severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  if (severity && std::strcmp(severity, "ERROR") != 0) lose(text);
  if (PQpipelineStatus(connection_.get()) == PQ_PIPELINE_OFF)
    drain(SteadyClock::now() + std::chrono::seconds(1));
  throw Refused(code_of(known), known, "store-postgres: " + text);
}

// Up to the end of the statement, outside of a pipeline.
void Connection::drain(Deadline deadline) {
  while (PGresult* more = result(deadline)) PQclear(more);
}

void Connection::wait_for_answer(Deadline deadline) {
  for (;;) {
    const int flushed = PQflush(connection_.get());
    if (flushed < 0) lose("cannot send");
    if (PQisBusy(connection_.get()) == 0) return;
    wait_for_socket(flushed == 1 ? POLLIN | POLLOUT : POLLIN, deadline);
    if (PQconsumeInput(connection_.get()) != 1) lose("the connection ended");
  }
}

void Connection::wait_for_socket(short events, Deadline deadline) {
  pollfd ready{PQsocket(connection_.get()), events, 0};
  for (;;) {
    const int count = ::poll(&ready, 1, left(deadline));
    if (count > 0) return;
    if (count == 0) lose("no answer in time");
    if (errno != EINTR) lose("cannot wait");
  }
}

// Closes the connection: whatever comes of what it was asked comes without us.
void Connection::lose(const std::string& why) {
  const std::string text = connection_ ? one_line(PQerrorMessage(connection_.get())) : "";
  connection_.reset();
  throw Lost(why + (text.empty() || text == why ? "" : ": " + text));
}

}  // namespace domed::postgres

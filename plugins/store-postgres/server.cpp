#include "server.h"

#include <algorithm>
#include <map>

#include "schema.h"

namespace domed::postgres {
namespace {

constexpr auto kFirstPause = std::chrono::milliseconds(10);

// The highest timeline of each system that this process has met.  A primary that was replaced
// and comes back still takes connections, and shows a past; memory of a new store object must
// not forget what an old one knew.
bool is_newest(const std::string& system, std::int64_t timeline) {
  static std::mutex mutex;
  static std::map<std::string, std::int64_t> seen;
  const std::lock_guard lock(mutex);
  std::int64_t& newest = seen[system];
  newest = std::max(newest, timeline);
  return timeline == newest;
}

std::string hex(std::int64_t value) {
  constexpr auto kDigits = "0123456789abcdef";
  std::string text;
  for (auto bits = static_cast<std::uint64_t>(value); bits != 0; bits >>= 4)
    text.insert(text.begin(), kDigits[bits & 15]);
  return text.empty() ? "0" : text;
}

}  // namespace

Promise promise_of(const Rows& rows, int column) {
  const std::string fsync = rows.text(0, column), pages = rows.text(0, column + 1),
                    commit = rows.text(0, column + 2), standbys = rows.text(0, column + 3);
  if (fsync != "on") return {Durability::none, "fsync is " + fsync};
  if (pages != "on") return {Durability::none, "full_page_writes is " + pages};
  if (commit == "off") return {Durability::none, "synchronous_commit is off"};
  if (standbys.empty()) return {Durability::power, "synchronous_standby_names is empty"};
  // "remote_write" is in the standby's memory alone, and "local" not even there.
  if (commit != "on" && commit != "remote_apply")
    return {Durability::power, "synchronous_commit is " + commit};
  return {Durability::machine, "a synchronous standby has each commit"};
}

Server::Server(Settings settings) : settings_(std::move(settings)) {
  const Deadline end = deadline();
  try {
    const auto connection = open(end);
    make_schema(*connection, settings_.schema, end);
    const Greeting greeting = greet(*connection, end);
    refuse_old(greeting);
    incarnation_ = greeting.incarnation;
    promised_ = greeting.promise;
  } catch (const Lost& lost) {
    throw away(lost);
  }
  if (promised_.durability < Durability::power)
    settings_.log(Level::warning, "what is committed does not survive a crash of the server: " +
                                      promised_.why + "; jobs are kept accordingly");
}

std::unique_ptr<Connection> Server::open(Deadline deadline) const {
  auto connection = std::make_unique<Connection>(settings_.parameters, deadline);
  // Prepared statements are planned once; a backend notices within a second that we are gone.
  Values values;
  values.bytes(settings_.schema);
  connection->run(
      "SELECT set_config('search_path', quote_ident(convert_from($1, 'UTF8')), false), "
      "set_config('jit', 'off', false), "
      "set_config('client_connection_check_interval', '1s', false), "
      "set_config('idle_in_transaction_session_timeout', '60s', false)",
      values, deadline);
  return connection;
}

Server::Greeting Server::greet(Connection& connection, Deadline deadline) const {
  const Rows rows = connection.run(
      "SELECT (pg_control_system()).system_identifier, "
      "('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int8, "
      "convert_to((SELECT value FROM meta WHERE name = 'history'), 'UTF8'), " DOMED_PROMISE,
      {}, deadline);
  Greeting greeting;
  greeting.system = hex(rows.number(0, 0));
  greeting.timeline = rows.number(0, 1);
  // A copy of the tables is on another system, and a backup that was restored, or a standby that
  // was promoted, on another timeline.
  greeting.incarnation =
      "pg-" + rows.text(0, 2) + '-' + greeting.system + '-' + hex(greeting.timeline);
  greeting.promise = promise_of(rows, 3);
  return greeting;
}

void Server::refuse_old(const Greeting& greeting) const {
  if (is_newest(greeting.system, greeting.timeline)) return;
  throw Lost("the server is on timeline " + std::to_string(greeting.timeline) +
             ", a newer one was seen: a primary that was replaced must not come back");
}

std::unique_ptr<Connection> Server::connect(Deadline deadline) {
  check_history();
  {
    const std::lock_guard lock(mutex_);
    if (!away_.empty() && SteadyClock::now() < next_try_) throw away(Lost(away_));
  }
  try {
    auto connection = try_connect(deadline);
    take_success();
    return connection;
  } catch (const Lost& lost) {
    take_failure(lost.what());
    throw away(lost);
  }
}

std::unique_ptr<Connection> Server::try_connect(Deadline deadline) {
  auto connection = open(deadline);
  const Greeting greeting = greet(*connection, deadline);
  refuse_old(greeting);
  if (greeting.incarnation != incarnation_) {
    {
      const std::lock_guard lock(mutex_);
      stale_ = true;
    }
    settings_.log(Level::error, "the server has another history now (" + greeting.incarnation +
                                    ", was " + incarnation_ +
                                    "): acknowledged commits may be lost");
    check_history();
  }
  // What is shown now would be acknowledged by showing it.
  check_promise(greeting.promise);
  // Commits whose wait for a standby was cut short are visible after a restart, and not yet where
  // they should be; one that waits for itself waits for all before it.
  connection->run("SELECT pg_logical_emit_message(true, 'domed', '')::text", {}, deadline);
  if (!connection->warnings().empty()) throw Lost(connection->warnings());
  return connection;
}

void Server::check_history() const {
  const std::lock_guard lock(mutex_);
  if (stale_)
    throw Error(Code::stale,
                "store-postgres: the server is not the one, or not on the timeline, that was "
                "opened: acknowledged commits may be lost; open it anew");
}

void Server::check_promise(const Promise& promise) {
  const bool weak = promise.durability < promised_.durability;
  {
    const std::lock_guard lock(mutex_);
    if (weak != weak_)
      settings_.log(weak ? Level::error : Level::info,
                    weak ? "commits are not acknowledged: " + promise.why
                         : "commits are acknowledged again: " + promise.why);
    weak_ = weak;
  }
  if (weak)
    throw Error(Code::io, "store-postgres: the server keeps less than when it was opened (" +
                              promise.why + "): set it back, or restart the daemon");
}

Error Server::away(const Error& why) const {
  std::string text = why.what();
  if (text.starts_with("store-postgres: ")) return Error(Code::io, text);
  return Error(Code::io, "store-postgres: the server does not answer: " + text);
}

void Server::take_failure(const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (away_.empty()) settings_.log(Level::warning, "the server does not answer: " + why);
  away_ = why;
  pause_ = std::clamp(pause_ * 2, std::min(kFirstPause, settings_.back_off), settings_.back_off);
  next_try_ = SteadyClock::now() + pause_;
}

void Server::take_success() {
  const std::lock_guard lock(mutex_);
  if (!away_.empty()) settings_.log(Level::info, "the server answers again");
  away_.clear();
  pause_ = {};
}

}  // namespace domed::postgres

#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "connection.h"
#include "domed/host.h"
#include "domed/store.h"

namespace domed::postgres {

struct Settings {
  Parameters parameters;  // for libpq
  std::string schema;
  std::chrono::milliseconds patience{10'000};
  std::chrono::milliseconds back_off{1000};
  int readers = 4;
  std::function<void(Level, const std::string&)> log = [](Level, const std::string&) {};
};

// What a server says of itself, read at each connect and by each commit and renewal.
struct Promise {
  Durability durability = Durability::none;
  std::string why;  // in words: "fsync is off"
};
// The columns of kPromise from "column" on.
Promise promise_of(const Rows& rows, int column);
#define DOMED_PROMISE                                               \
  "current_setting('fsync'), current_setting('full_page_writes'), " \
  "current_setting('synchronous_commit'), current_setting('synchronous_standby_names')"

// The server of a store: makes connections to it, knows which history it has, and whether it
// still keeps what it promised.  Thread-safe.
class Server {
 public:
  // Makes the tables where they are missing.  Throws Error(io) where the server is away.
  explicit Server(Settings settings);

  // A connection that may be read from: to the history that this object was opened on, and
  // after a commit of its own, so that whatever it shows is as durable as promised.  Throws
  // Error(io), at once while the server is known to be away; Error(stale).
  std::unique_ptr<Connection> connect(Deadline deadline);
  // A session of which nothing is asked that has to be durable, nor any history: it waits for no
  // standby, and says nothing about whether the server answers.  Throws Lost.
  std::unique_ptr<Connection> open(Deadline deadline) const;

  Durability durability() const { return promised_.durability; }
  const std::string& incarnation() const { return incarnation_; }
  const Settings& settings() const { return settings_; }
  Deadline deadline() const { return SteadyClock::now() + settings_.patience; }

  // Throws Error(stale), for ever, once that was found.
  void check_history() const;
  // Throws Error(io) where what is promised now is less than what was declared.
  void check_promise(const Promise& promise);
  // In the text: what a call that lost its connection says to its caller.
  Error away(const Error& why) const;

 private:
  struct Greeting {
    std::string incarnation;
    Promise promise;
    std::int64_t timeline = 0;
    std::string system;
  };
  std::unique_ptr<Connection> try_connect(Deadline deadline);
  Greeting greet(Connection& connection, Deadline deadline) const;
  void refuse_old(const Greeting& greeting) const;
  void take_failure(const std::string& why);
  void take_success();

  const Settings settings_;
  std::string incarnation_;
  Promise promised_;

  mutable std::mutex mutex_;
  bool stale_ = false;
  bool weak_ = false;
  std::string away_;  // why; empty: it answers
  std::chrono::milliseconds pause_{0};
  Deadline next_try_{};
};

}  // namespace domed::postgres

#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "server.h"

namespace domed::postgres {

// Connections to one server that calls take in turn, made when they are first needed.
class Connections {
 public:
  Connections(Server& server, int most) : server_(server), left_(most) {}

  // What "call", given a connection and a deadline, returns.  It is done again on another
  // connection where it lost its own, so it must be one that may be repeated.  Throws Error(io).
  template <class Call>
  auto run(Call&& call) {
    const Deadline deadline = server_.deadline();
    for (;;) {
      Lent lent(*this, deadline);
      try {
        return call(*lent.connection, deadline);
      } catch (const Lost& lost) {
        lent.connection.reset();
        forget();  // where one is gone, all are
        if (lent.is_new || SteadyClock::now() > deadline) throw server_.away(lost);
      }
    }
  }

 private:
  struct Lent {
    Lent(Connections& pool, Deadline deadline) : from(pool) {
      connection = from.take(deadline, is_new);
    }
    ~Lent() { from.give_back(std::move(connection)); }
    Connections& from;
    bool is_new = false;
    std::unique_ptr<Connection> connection;
  };

  std::unique_ptr<Connection> take(Deadline deadline, bool& is_new);
  void give_back(std::unique_ptr<Connection> connection);
  void forget();

  Server& server_;
  std::mutex mutex_;
  std::condition_variable returned_;
  int left_;  // that may be lent
  std::vector<std::unique_ptr<Connection>> idle_;
};

}  // namespace domed::postgres

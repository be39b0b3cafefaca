#pragma once

#include <chrono>
#include <string_view>
#include <vector>

#include "connections.h"
#include "domed/leases.h"

namespace domed::postgres {

// Leases as rows, whose time is the server's.  Advisory locks would be none: they end with the
// session.
class LeaseRows {
 public:
  explicit LeaseRows(Server& server) : server_(server), connections_(server, 1) {}

  bool acquire(std::string_view name, std::string_view holder, std::chrono::milliseconds ttl,
               std::string_view text);
  bool renew(std::string_view name, std::string_view holder, std::chrono::milliseconds ttl,
             std::string_view text);
  void release(std::string_view name, std::string_view holder);
  std::vector<Lease> held(std::string_view prefix);

 private:
  bool take(const Statement& statement, std::string_view name, std::string_view holder,
            std::chrono::milliseconds ttl, std::string_view text);

  Server& server_;
  // Apart from that of reads: a renewal must not wait for them.
  Connections connections_;
};

}  // namespace domed::postgres

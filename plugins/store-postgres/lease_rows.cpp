#include "lease_rows.h"

#include "domed/store_rules.h"

namespace domed::postgres {
namespace {

// The clock moves within a transaction, or whoever waited for a row would see an old time.
#define DOMED_OVER "(l.ttl > 0 AND l.since + l.ttl * interval '1 millisecond' <= clock_timestamp())"
// "renewals" are numbers of one sequence for all, so that no two renewals look alike.
constexpr Statement kAcquire{
    "acquire",
    "WITH taken AS (INSERT INTO leases AS l(name, holder, ttl, since, renewals, text) "
    "VALUES($1, $2, $3, clock_timestamp(), nextval('renewals'), $4) "
    "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, ttl = excluded.ttl, "
    "since = clock_timestamp(), renewals = nextval('renewals'), text = excluded.text "
    "WHERE l.holder = excluded.holder OR " DOMED_OVER
    " RETURNING 1) SELECT count(*), " DOMED_PROMISE " FROM taken"};
constexpr Statement kRenew{
    "renew",
    "WITH taken AS (UPDATE leases l SET ttl = $3, since = clock_timestamp(), "
    "renewals = nextval('renewals'), text = $4 "
    "WHERE name = $1 AND holder = $2 AND NOT " DOMED_OVER
    " RETURNING 1) SELECT count(*), " DOMED_PROMISE " FROM taken"};
constexpr Statement kRelease{"release", "DELETE FROM leases WHERE name = $1 AND holder = $2"};
constexpr Statement kHeld{
    "held",
    "SELECT name, holder, renewals, "
    "floor(extract(epoch FROM greatest(clock_timestamp() - since, interval '0')) * 1000)::int8, "
    "text FROM leases WHERE name >= $1 AND substring(name FROM 1 FOR length($1)) = $1 "
    "ORDER BY name"};

}  // namespace

bool LeaseRows::acquire(std::string_view name, std::string_view holder,
                        std::chrono::milliseconds ttl, std::string_view text) {
  return take(kAcquire, name, holder, ttl, text);
}

bool LeaseRows::renew(std::string_view name, std::string_view holder, std::chrono::milliseconds ttl,
                      std::string_view text) {
  return take(kRenew, name, holder, ttl, text);
}

bool LeaseRows::take(const Statement& statement, std::string_view name, std::string_view holder,
                     std::chrono::milliseconds ttl, std::string_view text) {
  check_lease(name, holder, text);
  return connections_.run([&](Connection& connection, Deadline deadline) {
    Values values;
    values.bytes(name).bytes(holder).number(ttl.count()).bytes(text);
    connection.forget_warnings();
    const Rows rows = connection.run(statement, values, deadline);
    // A success with a warning is none; asked again it is.
    if (!connection.warnings().empty()) throw Lost(connection.warnings());
    server_.check_promise(promise_of(rows, 1));
    return rows.number(0, 0) == 1;
  });
}

void LeaseRows::release(std::string_view name, std::string_view holder) {
  connections_.run([&](Connection& connection, Deadline deadline) {
    connection.run(kRelease, Values().bytes(name).bytes(holder), deadline);
  });
}

std::vector<Lease> LeaseRows::held(std::string_view prefix) {
  return connections_.run([&](Connection& connection, Deadline deadline) {
    const Rows rows = connection.run(kHeld, Values().bytes(prefix), deadline);
    std::vector<Lease> leases;
    for (int row = 0; row < rows.size(); ++row)
      leases.push_back({rows.text(row, 0), rows.text(row, 1),
                        static_cast<std::uint64_t>(rows.number(row, 2)),
                        std::chrono::milliseconds(rows.number(row, 3)), rows.text(row, 4)});
    return leases;
  });
}

}  // namespace domed::postgres

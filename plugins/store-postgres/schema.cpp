#include "schema.h"

#include <array>
#include <span>

namespace domed::postgres {
namespace {

constexpr const char* kLayout1[] = {
    R"(CREATE TABLE jobs(
         job_id bytea PRIMARY KEY,
         revision bytea NOT NULL,
         created int8 NOT NULL,
         first_seq int8 NOT NULL CHECK (first_seq > 0),
         head_seq int8 NOT NULL CHECK (head_seq >= 0),
         tombstone bool NOT NULL,
         unfinished bool NOT NULL,
         state bytea NOT NULL,
         tags bytea[] NOT NULL,
         lists bytea[] NOT NULL,
         changed xid8 NOT NULL,
         head bytea NOT NULL) WITH (fillfactor = 80))",
    "CREATE INDEX jobs_changed ON jobs(changed)",
    "CREATE TABLE fixed(job_id bytea PRIMARY KEY, bytes bytea NOT NULL)",
    R"(CREATE TABLE chunks(
         job_id bytea NOT NULL,
         first int8 NOT NULL,
         count int4 NOT NULL,
         size int4 NOT NULL,
         ends bytea NOT NULL,
         lines bytea NOT NULL,
         PRIMARY KEY(job_id, first)))",
    R"(CREATE TABLE listed(
         list bytea NOT NULL,
         created int8 NOT NULL,
         job_id bytea NOT NULL,
         PRIMARY KEY(list, created, job_id)))",
    R"(CREATE TABLE leases(
         name bytea PRIMARY KEY,
         holder bytea NOT NULL,
         ttl int8 NOT NULL,
         since timestamptz NOT NULL,
         renewals int8 NOT NULL,
         text bytea NOT NULL))",
    "CREATE SEQUENCE renewals",
    // lz4 where this server has it: logs are text, and the log of changes is what a commit waits
    // for; the server's own default takes five times as long.
    R"(DO $$ BEGIN
         ALTER TABLE chunks ALTER lines SET COMPRESSION lz4;
       EXCEPTION WHEN feature_not_supported THEN NULL;
       END $$)",
    "INSERT INTO meta VALUES('history', replace(gen_random_uuid()::text, '-', ''))",
};

// What brings layout n to n + 1 is the element n.
constexpr std::array<std::span<const char* const>, kLayout> kSteps{kLayout1};

// One transaction: whoever comes second waits for it.
class Transaction {
 public:
  Transaction(Connection& connection, Deadline deadline)
      : connection_(connection), deadline_(deadline) {
    run("BEGIN");
  }
  Rows run(const std::string& sql, const Values& values = {}) {
    return connection_.run(sql, values, deadline_);
  }
  void commit() { run("COMMIT"); }

 private:
  Connection& connection_;
  const Deadline deadline_;
};

std::int64_t layout_of(Transaction& transaction, const std::string& schema) {
  if (!transaction.run("SELECT to_regclass('meta')::text IS NOT NULL").boolean(0, 0)) return 0;
  const Rows rows = transaction.run("SELECT value::int8 FROM meta WHERE name = 'layout'");
  if (rows.size() == 1) return rows.number(0, 0);
  throw Error(Code::unsupported, "store-postgres: the schema '" + schema +
                                     "' has a table 'meta' that is not ours: nothing was changed; "
                                     "choose another schema");
}

bool exists(Transaction& transaction, const std::string& schema) {
  Values values;
  values.bytes(schema);
  return transaction
             .run("SELECT 1 FROM pg_namespace WHERE nspname = convert_from($1, 'UTF8')", values)
             .size() == 1;
}

}  // namespace

void make_schema(Connection& connection, const std::string& schema, Deadline deadline) {
  const Rows version =
      connection.run("SELECT current_setting('server_version_num')::int8", {}, deadline);
  if (version.number(0, 0) < 140'000)
    throw Error(Code::unsupported, "store-postgres: the server is older than PostgreSQL 14");
  Transaction transaction(connection, deadline);
  transaction.run(
      "SELECT pg_advisory_xact_lock(hashtextextended('domed ' || current_setting("
      "'search_path'), 0))::text");
  // Asked first: who may not make schemas can use one that was made for him.
  if (!exists(transaction, schema)) transaction.run("CREATE SCHEMA \"" + schema + '"');
  const std::int64_t layout = layout_of(transaction, schema);
  if (layout > kLayout)
    throw Error(Code::unsupported, "store-postgres: the schema '" + schema + "' has layout " +
                                       std::to_string(layout) +
                                       ", this store-postgres knows up to " +
                                       std::to_string(kLayout) + ": use the newer domed");
  if (layout == 0) {
    transaction.run("CREATE TABLE meta(name text PRIMARY KEY, value text NOT NULL)");
    transaction.run("INSERT INTO meta VALUES('layout', '0')");
  }
  for (auto step = static_cast<std::size_t>(layout); step < kSteps.size(); ++step)
    for (const char* sql : kSteps[step]) transaction.run(sql);
  if (layout < kLayout)
    transaction.run("UPDATE meta SET value = '" + std::to_string(kLayout) +
                    "' WHERE name = 'layout'");
  transaction.commit();
}

}  // namespace domed::postgres

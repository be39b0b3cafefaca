#include "job_writer.h"

#include <algorithm>
#include <random>
#include <utility>

#include "domed/store_rules.h"

namespace domed::postgres {
namespace {

constexpr std::size_t kMostKnown = 20'000;

// A wrong base or first seq is -1 and breaks a CHECK, which refuses the whole batch; a wrong
// revision finds no row.
#define DOMED_LINES                                                       \
  "line AS (INSERT INTO chunks(job_id, first, count, size, ends, lines) " \
  "SELECT $1, $4 + 1, ($5 - $4)::int4, length($8::bytea), $7::bytea, $8 FROM job WHERE $5 > $4)"
#define DOMED_FIXED                                                                               \
  "kept AS (INSERT INTO fixed(job_id, bytes) SELECT $1, $9 FROM job WHERE $9::bytea IS NOT NULL " \
  "ON CONFLICT (job_id) DO UPDATE SET bytes = excluded.bytes)"

// $1 id, $2 expected revision, $3 revision, $4 base, $5 new head, $6 head, $7 ends, $8 lines
constexpr Statement kAppend{
    "append",
    "WITH job AS (UPDATE jobs SET revision = $3, head = $6, changed = pg_current_xact_id(), "
    "head_seq = CASE WHEN head_seq = $4::int8 THEN $5::int8 ELSE -1 END "
    "WHERE job_id = $1 AND revision = $2 AND NOT tombstone RETURNING 1), " DOMED_LINES
    " SELECT count(*) FROM job"};

// ... $9 fixed, $10 state, $11 unfinished, $12 tags, $13 lists, $14 created
constexpr Statement kCreate{
    "create",
    "WITH job AS (INSERT INTO jobs(job_id, revision, created, first_seq, head_seq, tombstone, "
    "unfinished, state, tags, lists, changed, head) "
    "SELECT $1::bytea, $3::bytea, $14::int8, $4::int8 + 1, $5::int8, false, $11::bool, $10::bytea, "
    "$12::bytea[], $13::bytea[], pg_current_xact_id(), $6::bytea WHERE $2::bytea = '' "
    "ON CONFLICT (job_id) DO NOTHING RETURNING 1), " DOMED_LINES ", " DOMED_FIXED
    ", list AS (INSERT INTO listed(list, created, job_id) "
    "SELECT unnest($13::bytea[]), $14, $1 FROM job ON CONFLICT DO NOTHING) "
    "SELECT count(*) FROM job"};

// ... $14 new first seq or 0, $15 purge
constexpr Statement kChange{
    "change",
    "WITH old AS (SELECT lists, created FROM jobs WHERE job_id = $1 AND revision = $2 AND NOT "
    "tombstone), "
    "job AS (UPDATE jobs SET revision = $3, head = $6, changed = pg_current_xact_id(), "
    "state = $10, unfinished = $11, tags = $12, lists = $13, tombstone = $15, "
    "head_seq = CASE WHEN $14::int8 > 0 OR $15::bool THEN head_seq "
    "WHEN head_seq = $4::int8 THEN $5::int8 ELSE -1 END, "
    "first_seq = CASE WHEN $15 THEN head_seq + 1 WHEN $14 > head_seq + 1 THEN -1 "
    "ELSE greatest(first_seq, $14) END "
    "WHERE job_id = $1 AND revision = $2 AND NOT tombstone "
    "RETURNING first_seq), " DOMED_LINES ", " DOMED_FIXED
    ", cut AS (DELETE FROM chunks USING job WHERE ($14 > 0 OR $15) AND chunks.job_id = $1 "
    "AND chunks.first + chunks.count <= job.first_seq), "
    "lost AS (DELETE FROM fixed USING job WHERE $15 AND fixed.job_id = $1), "
    "unlisted AS (DELETE FROM listed USING job, old WHERE listed.list = ANY(old.lists) "
    "AND listed.list <> ALL($13::bytea[]) AND listed.created = old.created AND listed.job_id = "
    "$1), "
    "list AS (INSERT INTO listed(list, created, job_id) "
    "SELECT unnest($13::bytea[]), old.created, $1 FROM job, old ON CONFLICT DO NOTHING) "
    "SELECT count(*) FROM job"};

constexpr Statement kDrop{
    "drop",
    "WITH job AS (DELETE FROM jobs WHERE job_id = $1 AND revision = $2 AND tombstone "
    "RETURNING lists, created), "
    "unlisted AS (DELETE FROM listed USING job WHERE listed.list = ANY(job.lists) "
    "AND listed.created = job.created AND listed.job_id = $1) "
    "SELECT count(*) FROM job"};

constexpr Statement kBegin{"begin", "BEGIN ISOLATION LEVEL READ COMMITTED"};
constexpr Statement kCommit{"commit", "COMMIT"};
constexpr Statement kPromise{"promise", "SELECT " DOMED_PROMISE};

std::string packed(std::span<const std::uint32_t> ends) {
  std::string bytes;
  bytes.reserve(4 * ends.size());
  for (const std::uint32_t end : ends) put(bytes, end, 4);
  return bytes;
}

bool equal(const JobColumns& a, const JobColumns& b) {
  return a.state == b.state && a.unfinished == b.unfinished && a.tags == b.tags;
}

std::int64_t random_number() {
  std::random_device random;
  return static_cast<std::int64_t>(std::uint64_t{random()} << 32 | random());
}

// A deadlock or a failed serialization is nobody's fault, and nothing was done.
bool may_be_repeated(const Refused& refused) {
  return refused.state() == "40P01" || refused.state() == "40001";
}

}  // namespace

std::vector<std::string> lists_of(const JobColumns& columns, bool tombstone) {
  if (tombstone) return {"t"};
  std::vector<std::string> lists{"a", 's' + columns.state};
  if (columns.unfinished) lists.emplace_back("u");
  for (const std::string& tag : columns.tags) lists.push_back('#' + tag);
  return lists;
}

std::vector<Outcome> JobWriter::commit(std::span<const Entry> entries) {
  if (entries.empty()) return {};
  // In one order of all writers, so that none waits for another in a circle.
  std::vector<const Entry*> sorted;
  for (const Entry& entry : entries) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(),
            [](const Entry* a, const Entry* b) { return a->job_id < b->job_id; });
  const Deadline deadline = server_.deadline();
  const std::lock_guard lock(mutex_);
  for (bool again = true;; again = false) {
    settle(deadline);
    // A connection that went while nothing was asked leaves no doubt.
    if (connection_ && !connection_->is_alive()) connection_.reset();
    if (!connection_) connect(deadline);
    try {
      const std::vector<Outcome> outcomes = try_commit(sorted, deadline);
      std::vector<Outcome> ordered(entries.size());
      for (std::size_t i = 0; i < sorted.size(); ++i)
        ordered[static_cast<std::size_t>(sorted[i] - entries.data())] = outcomes[i];
      return ordered;
    } catch (const Refused& refused) {
      if (!again || !may_be_repeated(refused)) throw;
    } catch (const Lost& lost) {
      server_.settings().log(Level::warning, std::string("a commit is unknown: ") + lost.what());
      return std::vector<Outcome>(entries.size(), Outcome::unknown);
    }
  }
}

void JobWriter::settle() {
  if (!is_unknown_) return server_.check_history();
  const std::lock_guard lock(mutex_);
  settle(server_.deadline());
}

// The server's session is ended, which a stopped or unreachable one does not know yet, and waited
// for: its lock is free when all that it did is done.
void JobWriter::settle(Deadline deadline) {
  server_.check_history();
  if (!is_unknown_) return;
  auto connection = server_.connect(deadline);
  try {
    Values number;
    number.number(session_);
    connection->run(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' "
        "AND classid = (($1::int8 >> 32) & 4294967295)::oid AND objid = ($1::int8 & "
        "4294967295)::oid AND objsubid = 1 "
        "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        number, deadline);
    connection->run("SELECT pg_advisory_lock($1::int8)::text", number, deadline);
    connection->run("SELECT pg_advisory_unlock($1::int8)", number, deadline);
    // What the session committed at its end, without waiting for a standby, is waited for here.
    connection->run("SELECT pg_logical_emit_message(true, 'domed', '')::text", {}, deadline);
    if (!connection->warnings().empty()) throw Lost(connection->warnings());
  } catch (const Lost& lost) {
    throw server_.away(lost);
  }
  is_unknown_ = false;
}

void JobWriter::connect(Deadline deadline) {
  auto connection = server_.connect(deadline);
  session_ = random_number();
  Values number;
  number.number(session_);
  try {
    connection->run("SELECT pg_advisory_lock($1::int8)::text", number, deadline);
  } catch (const Lost& lost) {
    throw server_.away(lost);
  }
  connection_ = std::move(connection);
}

std::vector<Outcome> JobWriter::try_commit(const std::vector<const Entry*>& entries,
                                           Deadline deadline) {
  std::optional<Refused> refused;
  std::vector<Outcome> outcomes;
  try {
    connection_->forget_warnings();
    // Before anything of the batch is sent: a connection that is gone already is no doubt.
    try {
      connection_->begin_pipeline(
          {&kBegin, &kAppend, &kCreate, &kChange, &kDrop, &kCommit, &kPromise}, deadline);
    } catch (const Lost& lost) {
      connection_.reset();
      throw server_.away(lost);
    }
    send(entries, deadline);
    try {
      outcomes = take(entries, deadline);
    } catch (const Refused& error) {
      refused = error;
    }
    connection_->end_pipeline(deadline);
    if (refused) connection_->run("ROLLBACK", {}, deadline);
    if (!refused && !connection_->warnings().empty()) throw Lost(connection_->warnings());
  } catch (const Lost&) {
    connection_.reset();
    is_unknown_ = true;
    throw;
  }
  if (refused) throw *refused;
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (outcomes[i] == Outcome::done) remember(*entries[i]);
  return outcomes;
}

void JobWriter::send(const std::vector<const Entry*>& entries, Deadline) {
  connection_->send(kBegin, {});
  for (const Entry* entry : entries) {
    if (entry->action == Entry::Action::drop) {
      connection_->send(kDrop, Values().bytes(entry->job_id).bytes(entry->expected_revision));
    } else if (entry->expected_revision.empty()) {
      send_creation(*entry);
    } else if (knows(*entry)) {
      send_append(*entry);
    } else {
      send_change(*entry);
    }
  }
  connection_->send(kCommit, {});
  connection_->send(kPromise, {});
  connection_->finish();
}

namespace {

// What all three have.  "ends" lasts until the statement was sent.
Values common(const Entry& entry, const std::string& ends) {
  Values values;
  values.bytes(entry.job_id).bytes(entry.expected_revision).bytes(entry.revision);
  values.number(static_cast<std::int64_t>(entry.base));
  values.number(static_cast<std::int64_t>(entry.base + entry.ends.size()));
  values.bytes(entry.head).bytes(ends).bytes(entry.events);
  return values;
}

void add_columns(Values& values, const Entry& entry, bool tombstone) {
  values.maybe(tombstone ? std::nullopt : entry.fixed)
      .bytes(entry.columns.state)
      .boolean(entry.columns.unfinished);
  values.array(entry.columns.tags).array(lists_of(entry.columns, tombstone));
}

}  // namespace

void JobWriter::send_append(const Entry& entry) {
  const std::string ends = packed(entry.ends);
  connection_->send(kAppend, common(entry, ends));
}

void JobWriter::send_creation(const Entry& entry) {
  const std::string ends = packed(entry.ends);
  Values values = common(entry, ends);
  add_columns(values, entry, false);
  connection_->send(kCreate, values.number(entry.columns.created));
}

void JobWriter::send_change(const Entry& entry) {
  const std::string ends = packed(entry.ends);
  const bool purge = entry.action == Entry::Action::purge;
  Values values = common(entry, ends);
  add_columns(values, entry, purge);
  const bool trim = entry.action == Entry::Action::trim;
  values.number(trim ? static_cast<std::int64_t>(entry.first_seq) : 0).boolean(purge);
  connection_->send(kChange, values);
}

std::vector<Outcome> JobWriter::take(const std::vector<const Entry*>& entries, Deadline deadline) {
  std::vector<Outcome> outcomes;
  connection_->next(deadline);  // BEGIN
  for (std::size_t i = 0; i < entries.size(); ++i)
    outcomes.push_back(connection_->next(deadline).number(0, 0) == 1 ? Outcome::done
                                                                     : Outcome::conflict);
  if (connection_->next(deadline).command() != "COMMIT")
    throw Refused(Code::internal, "", "store-postgres: the transaction was rolled back");
  // Behind the commit: it was made under settings that were no better.
  const Rows rows = connection_->next(deadline);
  const Promise promise = promise_of(rows, 0);
  if (promise.durability >= server_.durability()) {
    server_.check_promise(promise);
    return outcomes;
  }
  try {
    server_.check_promise(promise);
  } catch (const Error& weak) {
    throw Lost(weak.what());
  }
  return outcomes;
}

bool JobWriter::knows(const Entry& entry) const {
  if (entry.action != Entry::Action::append || entry.fixed) return false;
  const auto it = known_.find(std::string(entry.job_id));
  return it != known_.end() && it->second.revision == entry.expected_revision &&
         equal(it->second.columns, entry.columns);
}

void JobWriter::remember(const Entry& entry) {
  std::string id(entry.job_id);
  // What is over is written no more; and of all others the next entry asks once.
  if (entry.action == Entry::Action::drop || entry.action == Entry::Action::purge) {
    known_.erase(id);
    return;
  }
  if (known_.size() >= kMostKnown) known_.clear();
  Known& known = known_[std::move(id)];
  known.revision = entry.revision;
  if (!equal(known.columns, entry.columns)) known.columns = entry.columns;
}

}  // namespace domed::postgres

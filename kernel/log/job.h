#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "domed/store.h"
#include "domed/support/hash.h"
#include "protocol/state.h"

namespace domed {

// What the decoded bytes of one output stream came to.
struct StreamTotals {
  std::string name;
  Sha256 hash;                   // of a log that goes on
  std::optional<Digest> sealed;  // of one that is over
  std::uint64_t bytes = 0, lines = 0, dropped = 0;

  Digest sha256() const { return sealed ? *sealed : hash.digest(); }
  OrderedJson json() const;
};

// As a terminal event and a status show them.
OrderedJson streams_json(const std::vector<StreamTotals>& streams);

struct BatchOutcome {
  std::uint64_t batch = 0, first_seq = 0, head_seq = 0;
  State state = State::queued;
  std::array<std::uint8_t, 8> content{};  // the beginning of the batch's SHA-256
};

struct ProducerState {
  std::string id;
  std::uint64_t last_batch = 0;
  // The newest kKeptOutcomes.  A vector: a head is copied with each command (JobLog::mark).
  std::vector<BatchOutcome> outcomes;
};

// The part of a job's record that changes with every entry: the fold of its
// log, and what makes appending idempotent.
//
// Kept as bytes: a format version, then the fields in the order of encode(),
// integers as LEB128, strings with their length before them.  Not JSON, because
// it is written with every commit of every job.  The present format is 2.  Format 1, of
// ABI 1, is decoded too: it ends before "incarnation", and had no sums, so that all its lines
// are plain.  A newer release adds fields behind those it finds, and they are kept.
struct JobHead {
  static constexpr unsigned kOldestFormat = 1, kFormat = 2;  // that are decoded; this is written
  std::uint64_t plain_until = 0;  // the last seq whose line has no seal (log/checked_store.h)
  std::string log_id;
  State state = State::queued;
  std::uint64_t head_seq = 0, first_seq = 1;
  Digest digest{}, base_digest{};
  std::int64_t recorded = 0;  // when this store got the job: its place in a listing
  // All by the kernel's clock (ts).  0: not yet, and so no event's time (JobLog::time()).
  std::int64_t created = 0, started = 0, ended = 0, last_ts = 0;
  // Of the same events, where the line has a "t": for showing them, never for reckoning.
  std::optional<std::int64_t> started_t, ended_t;
  std::int64_t purged = 0;  // of a tombstone
  bool external = false, has_provenance = false, has_provenance_end = false;
  bool importing = false;             // pieces of an import are still to come; nobody sees the job
  bool held = false;                  // queued, and not to be started
  std::int64_t cancel_requested = 0;  // when; 0: not
  std::int64_t retry_at = 0;  // failed, and a job that tries again then is to be made; 0: none is
  std::string request_hash;
  std::string reason, message;
  std::optional<std::int64_t> exit_code, signal;
  std::vector<StreamTotals> streams;
  std::vector<ProducerState> producers;

  std::string incarnation;     // the store's, when this was written; empty: of format 1
  std::string node;            // where the run is; empty: nowhere, or of a run from before ABI 2
  std::string watcher;         // the node by whose lease the run lives
  std::uint64_t assigned = 0;  // how many times it was given to a node
  // SHA-256 of the run's token, and of the job's own; nullopt: nobody may append.
  std::optional<Digest> run_token, job_token;
  std::int64_t heard = 0;    // the last word of an external job's producer, beside its events
  std::uint64_t bytes = 0;   // of the retained lines, each with its LF; 0 of format 1: not known
  std::string revision;      // the one that the store has for this record
  std::uint64_t masked = 0;  // how many times a secret was taken out of what was appended
  // What few jobs have.  A running command stands still, as it was told to; one that ever did has
  // been given more time than its timeout says; and how far it says it is, in thousandths and one
  // more.  What a newer release marks here as well is kept.
  static constexpr std::uint64_t kPaused = 1, kWasPaused = 2, kProgress = 0x3ff00;
  std::uint64_t marks = 0;
  std::string submitter;  // of a tombstone, whose job it was; empty: not known
  std::string newer;      // fields that this release does not know, as they came

  // A node has taken it from the queue, and its runner has not said yet that it runs.  Of a start
  // by a release before, which named no node, the provenance tells.
  bool is_assigned() const {
    return state == State::queued && !external && (!node.empty() || has_provenance);
  }

  bool is_paused() const { return (marks & kPaused) != 0; }
  bool was_paused() const { return (marks & kWasPaused) != 0; }
  void set_progress(unsigned thousandths) {
    marks = (marks & ~kProgress) | (std::uint64_t{thousandths} + 1) << 8;
  }
  std::optional<unsigned> progress() const {
    const auto kept = static_cast<unsigned>((marks & kProgress) >> 8);
    return kept ? std::optional(kept - 1) : std::nullopt;
  }

  // As a status shows it; 0: not yet.
  std::int64_t started_at() const { return started_t.value_or(started); }
  std::int64_t ended_at() const { return ended_t.value_or(ended); }

  // Of this producer; 0: none yet.
  std::uint64_t last_batch(const std::string& producer_id) const;

  std::string encode() const;
  // Throws Error(corruption) for bytes that encode() did not make.
  static JobHead decode(std::string_view bytes);
};

// Whether the log was last written in another life of the store than "incarnation", and goes on:
// what was acknowledged of it may be lost, so that it must get a new log_id (Journal::renew) before
// anything of it is shown or changed.  One that is over shows by its last event that it is whole.
// Records from before ABI 2 name no incarnation, and are taken as they are.
bool is_of_former_life(const JobHead& head, std::string_view incarnation);

// As the columns of a record tell it.
std::string_view listed_state(const JobHead& head);

// The part that is written rarely.  Kept as JSON text.
struct JobFixed {
  std::string job_id, run_id, client_id, idempotency_key;
  std::string submitter;               // who asked for it; empty: from before that was known
  std::string accepted_by;             // the id of the node that took the request
  std::string name;                    // what people call it
  std::string producer_token;          // of a record from before ABI 2 only, which kept it in plain
  Json request;                        // canonical params, without client_id and idempotency_key
  Json tool;                           // the tool's manifest as it was at submission; null: ad hoc
  std::string provenance;              // the event's payload; empty: not yet collected
  std::string provenance_end;          // likewise
  std::vector<std::string> artifacts;  // payloads, at most kArtifacts and kArtifactBytes
  std::string cancel_reason;
  Json imported;  // {"at": a time} of a copy from elsewhere; null: it was made here
  Json claims;    // what an import that has not ended said its events come to; else null

  std::string encode() const;
  // Throws Error(corruption) for text that encode() did not make (log/record_shape.h), or of which
  // something is still sealed (log/sealed_store.h).
  static JobFixed decode(std::string_view text);
  // What was found out before the run, or at its end.  Throws Error(corruption) where the
  // record has no JSON object there.
  OrderedJson provenance_json() const;
  OrderedJson provenance_end_json() const;

  bool external() const;
  // How long the producer of an external job may be silent; 0: for ever.
  std::chrono::seconds expires() const;
  std::string tool_id() const;
  // Keeps "payload" with the artifacts, where there is room for it.
  bool add_artifact(const std::string& payload);
  // The argv it runs, a tool's with the task filled in; null where another program
  // runs it.  Throws ApiError(E_INVALID_REQUEST) where the task does not fit.
  Json command() const;
};

// The parts of a record.  Throw Error(corruption) that names the job; head_of() also where what
// stands in the head and what the store says beside it are not of one entry.
JobHead head_of(const JobRecord& record);
JobFixed fixed_of(const JobRecord& record);

// The id that (submitter, client_id, idempotency_key) names; the "submitter" is left out of it
// where it is empty.
std::string derive_job_id(std::string_view submitter, std::string_view client_id,
                          std::string_view idempotency_key);

// digest(0) of a log.
inline Digest base_of(std::string_view log_id) {
  return sha256(log_id);
}
// digest(n) from digest(n-1) and event line n without its LF.
Digest chain(const Digest& previous, std::string_view line);

}  // namespace domed

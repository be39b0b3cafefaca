#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "domed/store.h"
#include "log/checked_store.h"
#include "log/environment.h"
#include "log/import.h"
#include "log/job.h"
#include "protocol/event.h"
#include "search/masks.h"

namespace domed {

// A producer's numbered batch, frozen and checked.
struct Batch {
  std::string producer_id, producer_token;
  bool is_of_run = false;    // from the run's own spool, so that no token has to show it
  std::uint64_t number = 0;  // 0: a poll, without events
  std::vector<Event> events;
  std::array<std::uint8_t, 8> content{};
  // Collected before the batch was handed over; empty: not needed.
  std::string provenance;              // for "running"
  std::string provenance_end;          // for a terminal state
  std::shared_ptr<const Masks> masks;  // the deployment's; may be null
  // Of a store that others act on too: the node that takes the batch, whether its lease is such
  // that it may take `running`, and whether it is to come to watch the run by it, and may
  // (nodes/ownership.h).  Empty: there is no other.
  std::string taken_at;
  bool may_begin = true, must_watch = false, may_watch = true;
};

struct AppendResult {
  std::uint64_t first_seq = 0, head_seq = 0;
  State state = State::queued;
  bool replayed = false, cancel_requested = false;
  bool paused = false;
  bool expires = false;  // the job's producer is waited for, and this was its word
  bool is_run = false;   // its runner's, who is told for how long it may go on
};

struct Submission {
  JobFixed fixed;
  std::string request_hash, former_hash;  // log/request_hash.h
  std::string token;             // an external job's; a run of ours gets its own when it starts
  bool accept_imported = false;  // a copy from elsewhere may be the job that is meant
  bool replayed = false;         // out: the job was there already
};

// One job's log: the state machine, the numbering, the digest chain and the
// rules of idempotent appending, all in one place.  Changes collect as a pending
// entry until the journal has made it durable.  Clauses of the contract (docs/contract.md) are
// named where the code keeps them: batches in appending.cpp, copies from elsewhere in import.cpp,
// what takes away in removing.cpp, what people want of it in steering.cpp, all else in job_log.cpp.
//
// A method that throws ApiError has changed nothing.  Not thread-safe: it belongs
// to the journal's thread.
class JobLog {
 public:
  // A log that does not exist yet.
  JobLog(std::string job_id, Environment& environment);
  // A log as the store has it.
  JobLog(const JobRecord& record, Environment& environment);

  const std::string& job_id() const { return job_id_; }
  bool exists() const { return exists_; }
  const JobHead& head() const { return head_; }
  const JobFixed& fixed() const { return fixed_; }

  // IdempotentSubmit.
  void create(Submission& submission);
  // IdempotentAppend.  False: the batch is ahead of its predecessor; with
  // "last_chance" that is E_BATCH_GAP.
  bool append(const Batch& batch, bool last_chance, AppendResult& result);
  // Cancel.  A second call adds nothing.
  void request_cancel(const std::string& reason);
  // Keeps a queued job from being started, or lets it go.  A second call adds nothing.
  void hold(bool held, const std::string& reason);
  // Lets a running command stand still, or go on: its runner learns it from the log.  A second call
  // adds nothing.
  void pause(bool paused, const std::string& reason);
  // From now on "node" is to run the queued job, and whoever has "token" is its run, and nobody
  // else: not a runner of an assignment before, which this ends.
  void assign(const std::string& node, const std::string& token);
  // The job is nobody's again, and back in the queue; nothing where it is not assigned.
  void take_back();
  // An event of the kernel's, in a record of its own.
  void note(const std::string& type, const std::string& payload) { add(type, payload); }
  // Whoever had a token is nobody from here on.
  void fence();
  // A terminal state that the kernel itself decided on; nothing where it is over.
  void finish(State to, const std::string& reason, const std::string& message);
  // The job that tries this one again is there.
  void retried();
  // Forgets the events from "first" to below "keep_from"; "base" is the digest
  // just before "keep_from", "bytes" what is forgotten.  E_BUSY where the log begins elsewhere
  // meanwhile.
  void trim(std::uint64_t first, std::uint64_t keep_from, const Digest& base, std::uint64_t bytes);
  // Leaves a tombstone; nothing where there is one.
  void purge();
  // Forgets a tombstone; nothing where there is none.
  void drop();
  // The next piece of a copy from elsewhere.
  void import(const ImportPiece& piece);
  // Purges what was begun and not ended; nothing where there is none.
  void abandon_import();
  // Goes on as another log: its tail may be lost, so that seqs come again with
  // other bytes.  "digest" is that of the events there are, from base_of("log_id") on.
  void become(const std::string& log_id, const Digest& digest);

  // What the journal gives to the store, and learns when that is done.
  bool changed() const { return exclusive() || !ends_.empty() || head_changed_; }
  bool exclusive() const { return action_ != Entry::Action::append; }
  // Whether its pending entry has it run.
  bool starts() const { return head_.state == State::running && stored_state_ == State::queued; }
  // Whether nothing but a repeated or late command can come.
  bool is_over() const { return !exists_ || tombstone_ || is_terminal(head_.state); }
  bool is_visible() const { return exists_ && !head_.importing; }
  // Whether its pending entry makes it another log.
  bool is_renamed() const { return is_stored_ && head_.log_id != stored_log_id_; }
  bool is_tombstone() const { return tombstone_; }
  // Whose job it is, or was; empty: not known.
  const std::string& submitter() const { return tombstone_ ? head_.submitter : fixed_.submitter; }
  // As the store will have them, seals included.
  std::size_t pending_bytes() const { return lines_.size() + ends_.size() * kSealBytes; }
  // Under "incarnation" of the store.
  Entry entry(const std::string& incarnation);
  std::shared_ptr<const std::string> take_committed();
  // That of the record as the store has it; empty: it has none.
  const std::string& stored_revision() const { return stored_revision_; }
  std::uint64_t pending_first() const { return base_seq() + 1; }
  // Whether "record" is what the last entry() would have made of the job.
  bool is_kept_as(const std::optional<JobRecord>& record) const;

  // The state before a command, to go back to when it is refused half-way.
  struct Mark {
    JobHead head;
    bool exists, tombstone, fixed_changed, head_changed;
    Entry::Action action;
    std::size_t bytes, lines, artifacts;
  };
  Mark mark() const {
    return {head_,   exists_,       tombstone_,   fixed_changed_,         head_changed_,
            action_, lines_.size(), ends_.size(), fixed_.artifacts.size()};
  }
  void undo(Mark mark);

 private:
  void add(const Event& event, std::optional<std::int64_t> t = {});
  void add(std::string type, std::string payload, std::optional<std::int64_t> t = {});
  std::int64_t time() const;
  void add_line(std::string_view line, const Event& event, std::int64_t ts);
  void seal_line(std::size_t begin, const Event& event, std::int64_t ts,
                 std::optional<std::int64_t> t);
  void fold(const Event& event, std::int64_t ts, std::optional<std::int64_t> t);
  void fold_log(const Event& event);
  void fold_state(const Event& event, std::int64_t ts, std::optional<std::int64_t> t);
  void change_state(const Event& event, std::optional<std::int64_t> t = {});
  void plan_retry(const Event& end);
  void begin_import(const ImportRecord& record);
  void import_line(const Line& line);
  void check_change(const Line& line, const std::string& where);
  void end_import(const ImportPiece& piece);
  void check_claims() const;
  void refuse_other(const Submission& submission) const;
  void authorize(const Batch& batch) const;
  void must_be_here(const Batch& batch) const;
  void come_to_watch(const Batch& batch);
  void keep_heard(const Batch& batch);
  const ProducerState* known_producer(const std::string& id) const;
  AppendResult replay(const Batch& batch, const ProducerState& producer) const;
  void apply(const Batch& batch);
  std::optional<std::vector<Event>> masked(const Batch& batch);
  void make_room(const std::vector<Event>& events, bool keeps_t);
  void check_transitions(const Batch& batch) const;
  void give_token(const std::string& token);
  ProducerState& producer(const std::string& id);
  StreamTotals& stream(const std::string& name);
  std::string terminal_payload(const Event& event) const;
  void must_exist() const;
  void must_have_seqs(const Event& event) const;
  std::uint64_t base_seq() const { return is_stored_ ? stored_head_ : head_.first_seq - 1; }

  std::string job_id_, job_id_literal_;
  Environment* environment_;
  bool exists_ = false, tombstone_ = false, is_stored_ = false;
  JobHead head_;
  JobFixed fixed_;

  Entry::Action action_ = Entry::Action::append;
  // Of the log as the store has it.
  std::uint64_t stored_head_ = 0;
  State stored_state_ = State::queued;
  std::string stored_revision_, stored_log_id_;
  std::string lines_;
  std::vector<std::uint32_t> ends_;
  bool fixed_changed_ = false, head_changed_ = false;
  std::string encoded_head_, encoded_fixed_;
  std::optional<std::int64_t> taken_;  // when the batch was, that is being applied
  std::string masked_for_;             // the token that "masks_" are made with
  Masks masks_;
};

// Throws ApiError(E_INVALID_TRANSITION) unless a job may go "from" that state "to" this.
void refuse_transition(State from, State to);

}  // namespace domed

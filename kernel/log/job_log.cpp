#include "log/job_log.h"

#include <algorithm>

#include "base/units.h"
#include "base/words.h"
#include "log/refusal.h"
#include "log/request_hash.h"
#include "log/retry.h"
#include "log/tags.h"
#include "log/token.h"
#include "protocol/api_error.h"
#include "protocol/limits.h"

namespace domed {

// `Forward`.  Nothing leads away from a terminal state, which is half of `TerminalLast`; the other
// half is that nothing but a change of state may come then (append, import_line).
void refuse_transition(State from, State to) {
  const bool allowed = (from == State::queued &&
                        (to == State::running || to == State::failed || to == State::canceled)) ||
                       (from == State::running && is_terminal(to));
  if (allowed) return;
  throw ApiError("E_INVALID_TRANSITION", "a job cannot go from " + std::string(state_name(from)) +
                                             " to " + std::string(state_name(to)));
}

JobLog::JobLog(std::string job_id, Environment& environment)
    : job_id_(std::move(job_id)),
      job_id_literal_(json_string(job_id_)),
      environment_(&environment) {}

JobLog::JobLog(const JobRecord& record, Environment& environment)
    : JobLog(record.job_id, environment) {
  exists_ = true;
  tombstone_ = record.tombstone;
  head_ = head_of(record);
  if (!tombstone_) fixed_ = fixed_of(record);
  if (const auto token = run_token_of(head_, fixed_); token && !head_.run_token) {
    head_.run_token = token;
    head_.job_token = sha256(job_token(fixed_.producer_token));
  }
  is_stored_ = true;
  stored_head_ = record.head_seq;
  stored_state_ = head_.state;
  stored_revision_ = record.revision;
  stored_log_id_ = head_.log_id;
}

void JobLog::must_exist() const {
  if (!is_visible()) throw no_such_job(job_id_);
  if (tombstone_) throw job_is_gone(job_id_, state_name(head_.state), head_.head_seq);
}

// `IdempotentSubmit`: the id is made of the key, so that the log itself is the claim on it.
// `Identity`: its log_id is drawn here, and never again but in become().
void JobLog::create(Submission& submission) {
  if (exists_ && head_.importing) throw busy("job '" + job_id_ + "' is being imported", 1000);
  if (exists_) {
    refuse_other(submission);
    must_exist();
    submission.fixed = fixed_;
    submission.replayed = true;
    return;
  }
  exists_ = true;
  submission.replayed = false;
  fixed_ = submission.fixed;
  fixed_changed_ = true;
  head_.log_id = environment_->random_id();
  head_.digest = head_.base_digest = base_of(head_.log_id);
  head_.request_hash = submission.request_hash;
  head_.external = fixed_.external();
  if (!submission.token.empty()) give_token(submission.token);
  add("state_change", R"({"to":"queued"})");
  head_.recorded = head_.created;  // who asks for jobs since the time that is shown means this one
  if (fixed_.request.value("hold", false)) hold(true, "");
}

// A copy from elsewhere says itself which request made it: whoever imports could answer a request
// that has yet to come.
void JobLog::refuse_other(const Submission& submission) const {
  Json fields{{"job_id", job_id_}};
  std::string why;
  if (!fixed_.imported.is_null()) fields["imported"] = true;
  const bool same =
      head_.request_hash == submission.request_hash
          ? have_same_values(fixed_.request, submission.fixed.request)
          : !submission.former_hash.empty() && head_.request_hash == submission.former_hash;
  if (!same)
    why = "with another request: choose a new key";
  else if (!fixed_.imported.is_null() && !submission.accept_imported)
    why = "which was imported, not run here: say accept_imported to take it, or choose a new key";
  if (why.empty()) return;
  throw ApiError("E_IDEMPOTENCY_KEY_REUSED",
                 "this idempotency_key already names job '" + job_id_ + "' " + why, fields);
}

StreamTotals& JobLog::stream(const std::string& name) {
  for (auto& stream : head_.streams)
    if (stream.name == name) return stream;
  if (head_.streams.size() == limits::kStreams)
    throw ApiError("E_TOO_LARGE",
                   "a job has at most " + std::to_string(limits::kStreams) + " streams");
  head_.streams.emplace_back().name = name;
  return head_.streams.back();
}

// `TerminalLast`: the kernel writes the payload of every state_change itself, from what the
// producer said and from the log.
void JobLog::change_state(const Event& event, std::optional<std::int64_t> t) {
  refuse_transition(head_.state, *event.to);
  plan_retry(event);
  if (is_terminal(*event.to)) return add("state_change", terminal_payload(event), t);
  OrderedJson payload{{"from", state_name(head_.state)}, {"to", state_name(*event.to)}};
  if (!event.message.empty()) payload["message"] = event.message;
  add("state_change", payload.dump(), t);
}

// In the same commit as the end itself, so that no end of the daemon comes between.
void JobLog::plan_retry(const Event& end) {
  if (!is_tried_again(head_, fixed_, *end.to, end.reason)) return;
  head_.retry_at = retry_time(fixed_, time());
  add("retry",
      OrderedJson{{"job_id", retry_id(job_id_)}, {"not_before", format_time(head_.retry_at)}}
          .dump());
}

void JobLog::retried() {
  if (!head_.retry_at) return;
  head_.retry_at = 0;
  head_changed_ = true;
}

std::string JobLog::terminal_payload(const Event& event) const {
  OrderedJson payload{{"from", state_name(head_.state)},
                      {"to", state_name(*event.to)},
                      {"reason", event.reason.empty() ? "reported" : event.reason}};
  if (!event.message.empty()) payload["message"] = event.message;
  if (event.exit_code) payload["exit_code"] = *event.exit_code;
  if (event.signal) payload["signal"] = *event.signal;
  if (!head_.streams.empty()) payload["streams"] = streams_json(head_.streams);
  if (head_.masked) payload["masked"] = head_.masked;
  return payload.dump();
}

// `Restart`: the claim on the run stands in the store before anything of the run exists.  Who finds
// it there later, and no runner, knows that no command was executed, for its `running` would be
// there too.  With the token that it gives, a runner of an earlier assignment is nobody.
void JobLog::assign(const std::string& node, const std::string& token) {
  must_exist();
  const std::string_view why = head_.external ? "external"
                               : head_.held   ? "held"
                                              : state_name(head_.state);
  if (head_.external || head_.held || head_.state != State::queued)
    throw ApiError("E_INVALID_TRANSITION",
                   "job '" + job_id_ + "' is " + std::string(why) +
                       ": only a queued job with a command can be assigned to a node");
  add("assigned", OrderedJson{{"node", node}}.dump());
  give_token(token);
}

void JobLog::take_back() {
  must_exist();
  if (!head_.is_assigned() || (head_.node.empty() && !head_.run_token)) return;
  add("assigned", R"({"node":null})");
  fence();
}

void JobLog::fence() {
  head_.run_token.reset();
  head_.job_token.reset();
  head_changed_ = true;
  fixed_changed_ |= !fixed_.producer_token.empty();
  fixed_.producer_token.clear();
}

void JobLog::give_token(const std::string& token) {
  head_.run_token = sha256(token);
  head_.job_token = sha256(job_token(token));
  head_changed_ = true;
  fixed_changed_ |= !fixed_.producer_token.empty();
  fixed_.producer_token.clear();
}

void JobLog::finish(State to, const std::string& reason, const std::string& message) {
  must_exist();
  if (is_terminal(head_.state)) return;
  Event event;
  event.to = to;
  event.reason = reason;
  event.message = message;
  change_state(event);
}

void JobLog::add(std::string type, std::string payload, std::optional<std::int64_t> t) {
  add(read_event(std::move(type), std::move(payload), Author::kernel, ""), t);
}

// The `ts` of the next event.  Times never go back within a log, whatever the clock does.  One
// batch has one time.  0 stands for "not yet" in a record, so that no event is of that microsecond;
// a clock before 1970 is as good as another.
std::int64_t JobLog::time() const {
  std::int64_t now = taken_ ? *taken_ : environment_->now();
  if (head_.head_seq > 0) now = std::max(now, head_.last_ts);
  return now == 0 ? 1 : now;
}

void JobLog::add(const Event& event, std::optional<std::int64_t> t) {
  const std::int64_t ts = time();
  const std::size_t begin = lines_.size();
  append_line(lines_, job_id_literal_, head_.head_seq + 1, format_time(ts), event.type,
              event.payload, t);
  seal_line(begin, event, ts, t);
}

// `Immutable`: a line from elsewhere stays byte for byte.
void JobLog::add_line(std::string_view line, const Event& event, std::int64_t ts) {
  const std::size_t begin = lines_.size();
  lines_ += line;
  seal_line(begin, event, ts, event.t);
}

// `Contiguous` and `Digest`: the one place where the head moves, by one for each line, and with it
// the chain.  Fold first, for it may refuse: then the whole command is undone.
void JobLog::seal_line(std::size_t begin, const Event& event, std::int64_t ts,
                       std::optional<std::int64_t> t) {
  const std::string_view line = std::string_view(lines_).substr(begin);
  if (line.size() > limits::kEventBytes)
    throw ApiError("E_TOO_LARGE", "an event may come to " + std::to_string(limits::kEventBytes) +
                                      " bytes encoded, this one to " + std::to_string(line.size()));
  must_have_seqs(event);
  fold(event, ts, t);
  ++head_.head_seq;
  head_.digest = chain(head_.digest, line);
  lines_ += '\n';
  head_.bytes += lines_.size() - begin;
  ends_.push_back(static_cast<std::uint32_t>(lines_.size()));
}

// A log that is full can still be ended: what the kernel says then has seqs of its own.
void JobLog::must_have_seqs(const Event& event) const {
  constexpr std::uint64_t kLastWords = 16;
  const bool ends = event.to || event.type == "cancel_requested" || event.type == "retry" ||
                    event.type == "provenance_end";
  if (head_.head_seq < kMaxSeq - (ends ? 0 : kLastWords)) return;
  throw ApiError("E_TOO_LARGE", "job '" + job_id_ + "' has " + std::to_string(head_.head_seq) +
                                    " events, and no log may have more than " +
                                    std::to_string(kMaxSeq) + ": end it, and go on in another job");
}

// `StateIsEvents`: nothing but events changes what a status tells, here for live and imported ones.
void JobLog::fold(const Event& event, std::int64_t ts, std::optional<std::int64_t> t) {
  head_.last_ts = ts;
  if (head_.head_seq == 0) head_.created = ts;
  if (event.type == "log") return fold_log(event);
  if (event.progress) head_.set_progress(*event.progress);
  if (event.type == "stream_end") {
    stream(event.stream).dropped = event.dropped;
    head_.masked += event.masked;
  }
  if (event.type == "cancel_requested") head_.cancel_requested = ts;
  if (event.type == "held" || event.type == "released") head_.held = event.type == "held";
  if (event.type == "paused") head_.marks |= JobHead::kPaused | JobHead::kWasPaused;
  if (event.type == "resumed") head_.marks &= ~JobHead::kPaused;
  if (event.type == "assigned") {
    head_.node = head_.watcher = event.node;
    if (!event.node.empty()) ++head_.assigned;
  }
  if (event.type == "provenance") {
    head_.has_provenance = fixed_changed_ = true;
    fixed_.provenance = event.payload;
  } else if (event.type == "provenance_end") {
    head_.has_provenance_end = fixed_changed_ = true;
    fixed_.provenance_end = event.payload;
  } else if (event.type == "artifact") {
    fixed_changed_ |= fixed_.add_artifact(event.payload);
  } else if (event.to) {
    fold_state(event, ts, t);
  }
}

void JobLog::fold_state(const Event& event, std::int64_t ts, std::optional<std::int64_t> t) {
  head_.state = *event.to;
  head_.held = false;
  if (head_.state == State::running) head_.started = ts, head_.started_t = t;
  if (!is_terminal(head_.state)) return;
  head_.marks &= ~JobHead::kPaused;
  head_.ended = ts, head_.ended_t = t;
  head_.reason = event.reason, head_.message = event.message;
  head_.exit_code = event.exit_code, head_.signal = event.signal;
  if (event.masked) head_.masked = event.masked;  // of a copy, whose events alone do not tell it
  for (auto& stream : head_.streams)
    if (!stream.sealed) stream.sealed = stream.hash.digest();  // an import may know it
}

void JobLog::fold_log(const Event& event) {
  StreamTotals& totals = stream(event.stream);
  totals.hash.update(event.bytes);
  totals.bytes += event.bytes.size();
  if (event.eol) ++totals.lines;
}

// `Contiguous` holds against other writers too: the store takes an entry only for the record that
// it was made from, and tells of a conflict else.
Entry JobLog::entry(const std::string& incarnation) {
  Entry out;
  head_.incarnation = incarnation;
  head_.revision = environment_->revision();
  encoded_head_ = head_.encode();
  out.action = action_;
  out.job_id = job_id_;
  if (is_stored_) out.expected_revision = stored_revision_;
  out.revision = head_.revision;
  out.base = base_seq();
  out.events = lines_;
  out.ends = ends_;
  if (action_ == Entry::Action::trim) out.first_seq = head_.first_seq;
  out.head = encoded_head_;
  out.columns = {head_.recorded, std::string(listed_state(head_)),
                 head_.importing || head_.retry_at || !is_terminal(head_.state),
                 tags_of(head_, fixed_)};
  if (fixed_changed_ && action_ != Entry::Action::purge) {
    encoded_fixed_ = fixed_.encode();
    out.fixed = encoded_fixed_;
  }
  return out;
}

bool JobLog::is_kept_as(const std::optional<JobRecord>& record) const {
  if (action_ == Entry::Action::drop) return !record;
  return record && record->revision == head_.revision;
}

std::shared_ptr<const std::string> JobLog::take_committed() {
  auto lines = std::make_shared<const std::string>(std::move(lines_));
  if (action_ == Entry::Action::drop) exists_ = tombstone_ = false;
  if (!exists_ || tombstone_) fixed_ = {};
  if (!exists_) head_ = {};
  lines_.clear();
  ends_.clear();
  encoded_fixed_ = {};
  fixed_changed_ = head_changed_ = false;
  action_ = Entry::Action::append;
  is_stored_ = exists_;
  stored_head_ = head_.head_seq;
  stored_state_ = head_.state;
  stored_revision_ = head_.revision;
  stored_log_id_ = head_.log_id;
  return lines;
}

// What a refused command had added is cut off again, its numbers with it.  Of what was there
// before, nothing was changed in place but what the head tells of.
void JobLog::undo(Mark mark) {
  head_ = std::move(mark.head);
  taken_.reset();
  exists_ = mark.exists;
  tombstone_ = mark.tombstone;
  fixed_changed_ = mark.fixed_changed;
  head_changed_ = mark.head_changed;
  action_ = mark.action;
  lines_.resize(mark.bytes);
  ends_.resize(mark.lines);
  if (!head_.has_provenance) fixed_.provenance.clear();
  if (!head_.has_provenance_end) fixed_.provenance_end.clear();
  if (!head_.cancel_requested) fixed_.cancel_reason.clear();
  fixed_.artifacts.resize(std::min(fixed_.artifacts.size(), mark.artifacts));
}

}  // namespace domed

#include "log/import.h"

#include "log/job_log.h"
#include "log/refusal.h"
#include "protocol/limits.h"

namespace domed {
namespace {

[[noreturn]] void refuse(const std::string& job_id, const std::string& why) {
  throw ApiError("E_INVALID_REQUEST", "the import of job '" + job_id + "': " + why);
}

std::size_t bytes_of(const std::vector<Line>& lines) {
  std::size_t bytes = 0;
  for (const Line& line : lines) bytes += line.text.size() + 1;
  return bytes;
}

// The totals of a log whose beginning is gone are known from its last event alone.
std::vector<StreamTotals> totals_in(const std::string& terminal_payload) {
  std::vector<StreamTotals> out;
  const Json payload = Json::parse(terminal_payload);
  const Json streams = payload.value("streams", Json::object());
  if (!streams.is_object() || streams.size() > limits::kStreams) return out;
  for (const auto& [name, value] : streams.items()) {
    StreamTotals totals;
    const auto number = [&value = value](const char* key) {
      return value.is_object() && value.contains(key) && value[key].is_number_unsigned()
                 ? value[key].get<std::uint64_t>()
                 : 0;
    };
    const Json hash = value.is_object() ? value.value("sha256", Json()) : Json();
    if (!hash.is_string() || !from_hex(hash.get<std::string>(), totals.sealed.emplace())) continue;
    totals.name = name;
    totals.bytes = number("bytes"), totals.lines = number("lines");
    totals.dropped = number("dropped");
    out.push_back(totals);
  }
  return out;
}

}  // namespace

void JobLog::import(const ImportPiece& piece) {
  if (bytes_of(piece.lines) > limits::kBatchBytes)
    throw ApiError("E_TOO_LARGE", "a piece of an import may come to " +
                                      std::to_string(limits::kBatchBytes) +
                                      " bytes of event lines");
  if (piece.record)
    begin_import(*piece.record);
  else if (!exists_ || !head_.importing || head_.log_id != piece.log_id)
    refuse(job_id_,
           "none of log '" + piece.log_id + "' has begun: send 'record' with the first piece");
  for (const Line& line : piece.lines)
    if (line.seq > head_.head_seq || line.job_id != job_id_) import_line(line);
  if (piece.last) end_import(piece);
}

// A first piece may come again because its reply was lost.
void JobLog::begin_import(const ImportRecord& record) {
  if (exists_ && head_.importing && head_.log_id == record.log_id) return;
  if (exists_ && head_.importing) refuse(job_id_, "another one is under way");
  if (exists_) refuse(job_id_, "the job exists already, and an import never overwrites");
  exists_ = fixed_changed_ = true;
  fixed_ = record.fixed;
  head_ = {};
  head_.importing = true;
  head_.external = fixed_.external();
  head_.log_id = record.log_id;
  head_.request_hash = record.request_hash;
  head_.ordinal = environment_->next_ordinal();
  head_.first_seq = record.first_seq;
  head_.head_seq = record.first_seq - 1;
  head_.digest = head_.base_digest =
      record.first_seq == 1 ? base_of(record.log_id) : record.base_digest;
  if (record.first_seq == 1) return;
  head_.created = record.created;
  head_.started = record.started;
  head_.cancel_requested = record.cancel_requested;
  head_.has_provenance = !fixed_.provenance.empty();
  if (record.started) head_.state = State::running;
}

void JobLog::import_line(const Line& line) {
  const Event& event = line.event;
  const std::string where = "event " + std::to_string(line.seq) + " ";
  if (line.job_id != job_id_) refuse(job_id_, where + "is one of job '" + line.job_id + "'");
  if (line.seq != head_.head_seq + 1)
    refuse(job_id_, where + "does not follow seq " + std::to_string(head_.head_seq));
  if (line.ts < head_.last_ts) refuse(job_id_, where + "is older than the one before it");
  if (is_terminal(head_.state)) refuse(job_id_, where + "follows the terminal one");
  if ((line.seq == 1) != (event.to == State::queued))
    refuse(job_id_,
           where + "must be" + (line.seq == 1 ? "" : " none of") + " the change to queued");
  if (event.to && line.seq != 1) refuse_transition(head_.state, *event.to);
  add_line(line.text, event, line.ts);
  if (head_.first_seq > 1 && is_terminal(head_.state)) head_.streams = totals_in(event.payload);
}

void JobLog::end_import(const ImportPiece& piece) {
  if (!is_terminal(head_.state))
    refuse(
        job_id_,
        "the job is not finished; a copy of a log that goes on would be another log under its id");
  if (piece.digest && *piece.digest != head_.digest)
    refuse(job_id_, "its events come to digest " + to_hex(head_.digest) + ", the record says " +
                        to_hex(*piece.digest));
  head_.importing = false;
}

}  // namespace domed

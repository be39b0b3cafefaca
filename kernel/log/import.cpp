#include "log/import.h"

#include <algorithm>
#include <array>

#include "base/units.h"
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

// The totals of a log whose beginning is gone are known from its last event alone.  Not less than
// what is left of it comes to.
std::vector<StreamTotals> totals_in(const Json& told, const std::vector<StreamTotals>& left) {
  std::vector<StreamTotals> out;
  for (const auto& [name, value] : told.items()) {
    StreamTotals totals;
    const Json hash = value.is_object() ? value.value("sha256", Json()) : Json();
    bool good = out.size() < limits::kStreams && hash.is_string() &&
                from_hex(hash.get<std::string>(), totals.sealed.emplace());
    for (const auto& [key, number] : {std::pair{"bytes", &totals.bytes},
                                      {"lines", &totals.lines},
                                      {"dropped", &totals.dropped}}) {
      good = good && value.contains(key) && value.at(key).is_number_unsigned();
      if (good) *number = value.at(key).get<std::uint64_t>();
    }
    if (!good) return {};
    totals.name = name;
    out.push_back(totals);
  }
  for (const auto& stream : left) {
    const auto same = std::find_if(out.begin(), out.end(), [&](const StreamTotals& totals) {
      return totals.name == stream.name && totals.bytes >= stream.bytes &&
             totals.lines >= stream.lines && totals.dropped >= stream.dropped;
    });
    if (same == out.end()) return {};
  }
  return out;
}

// What the producers of a job that runs say, and nobody before.
bool needs_a_run(const std::string& type) {
  static constexpr std::array kBefore{"state_change", "cancel_requested", "held", "released",
                                      "assigned",     "provenance",       "retry"};
  return std::find(kBefore.begin(), kBefore.end(), type) == kBefore.end();
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
  fixed_.imported = {{"at", format_time(environment_->now())}};
  head_ = {};
  head_.importing = true;
  head_.external = fixed_.external();
  head_.log_id = record.log_id;
  head_.request_hash = record.request_hash;
  head_.recorded = environment_->now();
  head_.first_seq = record.first_seq;
  head_.head_seq = record.first_seq - 1;
  head_.digest = head_.base_digest =
      record.first_seq == 1 ? base_of(record.log_id) : record.base_digest;
  if (record.first_seq == 1) return;
  head_.created = record.created;
  head_.started = record.started;
  head_.node = record.node;
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
  if (head_.head_seq >= head_.first_seq && line.ts < head_.last_ts)
    refuse(job_id_, where + "is older than the one before it");
  if (is_terminal(head_.state)) refuse(job_id_, where + "follows the terminal one");
  if ((line.seq == 1) != (event.to == State::queued))
    refuse(job_id_,
           where + "must be" + (line.seq == 1 ? "" : " none of") + " the change to queued");
  if (head_.state == State::queued && needs_a_run(event.type))
    refuse(job_id_, where + "is a '" + event.type + "' of a job that does not run yet");
  if (event.to && line.seq != 1) check_change(line, where);
  add_line(line.text, event, line.ts);
}

// A state_change tells what came before it, so that must fit.
void JobLog::check_change(const Line& line, const std::string& where) {
  const Event& event = line.event;
  // The record of a trimmed log says that the job started; this may be when.
  const bool is_known_start = head_.first_seq > 1 && event.to == State::running &&
                              head_.state == State::running &&
                              head_.started == event.t.value_or(line.ts);
  if (is_known_start) head_.state = State::queued;
  refuse_transition(head_.state, *event.to);
  const Json payload = Json::parse(event.payload);
  if (payload.value("from", Json()) != state_name(head_.state))
    refuse(job_id_, where + "says 'from' otherwise than " + std::string(state_name(head_.state)));
  if (!is_terminal(*event.to)) return;
  const Json told = payload.value("streams", Json::object());
  if (head_.first_seq > 1) {
    auto totals = totals_in(told, head_.streams);
    if (totals.empty() && !(told == Json::object() && head_.streams.empty()))
      refuse(job_id_, where + "has 'streams' of another form, or that come to less than the log");
    head_.streams = std::move(totals);
  } else if (told != Json(streams_json(head_.streams))) {
    refuse(job_id_, where + "has 'streams' " + told.dump() + ", its log comes to " +
                        streams_json(head_.streams).dump());
  }
}

void JobLog::end_import(const ImportPiece& piece) {
  if (!is_terminal(head_.state))
    refuse(
        job_id_,
        "the job is not finished; a copy of a log that goes on would be another log under its id");
  if (piece.digest && *piece.digest != head_.digest)
    refuse(job_id_, "its events come to digest " + to_hex(head_.digest) + ", the record says " +
                        to_hex(*piece.digest));
  check_claims();
  head_.importing = false;
  fixed_.claims = nullptr;
  fixed_changed_ = true;
}

void JobLog::check_claims() const {
  if (fixed_.claims.is_null()) return;
  Json actual{{"state", state_name(head_.state)},
              {"head_seq", head_.head_seq},
              {"as_of_seq", head_.head_seq},
              {"created_at", format_time(head_.created)},
              {"ended_at", format_time(head_.ended_at())},
              {"cancel_requested", head_.cancel_requested != 0},
              {"streams", streams_json(head_.streams)}};
  if (head_.started) actual["started_at"] = format_time(head_.started_at());
  if (!head_.reason.empty()) actual["reason"] = head_.reason;
  if (!head_.message.empty()) actual["message"] = head_.message;
  if (!head_.node.empty()) actual["node"] = head_.node;
  if (head_.exit_code) actual["exit_code"] = *head_.exit_code;
  if (head_.signal) actual["signal"] = *head_.signal;
  if (head_.masked) actual["masked"] = head_.masked;
  for (const auto& [key, claim] : fixed_.claims.items())
    if (const Json found = actual.value(key, Json()); found != claim)
      refuse(job_id_, "the record's '" + key + "' is " + claim.dump() + ", its events come to " +
                          (found.is_null() ? "none" : found.dump()));
}

}  // namespace domed

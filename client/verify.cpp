#include "client/verify.h"

#include "domed/support/hash.h"

namespace domed {
namespace {

DigestChain begin_of(const Json& record) {
  Digest base;
  if (from_hex(text_at(record, "base_digest"), base)) return DigestChain(base);
  return DigestChain(text_at(record, "log_id"));
}

}  // namespace

Verifier::Verifier(const Json& record)
    : record_(record),
      log_id_(text_at(record, "log_id")),
      job_id_(json_string(text_at(record, "job_id"))),
      first_(number_at(record, "first_seq", 1)),
      head_(number_at(record, "head_seq", 0)),
      chain_(begin_of(record)),
      seq_(first_ - 1) {
  check_base();
}

void Verifier::wrong(const std::string& text) {
  // The first is the cause; after it the chain cannot fit any more.
  if (!problem_) problem_ = text;
}

void Verifier::check_base() {
  if (log_id_.size() != 32) wrong("the record has no log_id");
  const std::string base = text_at(record_, "base_digest");
  if (Digest digest; !base.empty() && !from_hex(base, digest))
    wrong("base_digest is not a SHA-256 in hex");
  if (first_ == 1 && chain_.digest() != sha256(log_id_))
    wrong("base_digest " + base + " is not the SHA-256 of log_id " + log_id_);
}

void Verifier::line(std::string_view line) {
  ++seq_;
  const auto event = read_event_line(line);
  if (!event) return wrong("event " + std::to_string(seq_) + " is not a canonical event line");
  check_order(*event);
  chain_.add(line);
  if (event->type == "log") {
    const auto output = read_output(event->payload);
    if (!output) return wrong("event " + std::to_string(seq_) + " is a log event without bytes");
    Stream& stream = streams_[output->stream];
    stream.hash.update(output->bytes);
    stream.bytes += output->bytes.size();
  }
  if (!is_terminal(*event)) return;
  ended_ = true;
  check_streams(event->payload);
}

void Verifier::check_order(const EventLine& event) {
  const std::string at = "event " + std::to_string(seq_);
  if (event.seq != seq_) wrong(at + " has the seq " + std::to_string(event.seq));
  if (event.job_id != job_id_) wrong(at + " belongs to the job " + std::string(event.job_id));
  if (event.ts < last_ts_) wrong(at + " is older than the one before it");
  if (ended_) wrong(at + " follows the terminal event");
  last_ts_ = event.ts;
}

// The totals cover the whole log, so a trimmed one cannot be checked against them.
void Verifier::check_streams(std::string_view payload) {
  if (first_ != 1) return;
  const Json json = Json::parse(payload, nullptr, false);
  const Json totals = json.value("streams", Json::object());
  for (const auto& [name, stream] : streams_)
    if (!totals.contains(name)) wrong("the terminal event has no totals of " + name);
  for (const auto& [name, total] : totals.items()) {
    const Stream& stream = streams_[name];
    const std::string hash = to_hex(stream.hash.digest());
    if (number_at(total, "bytes", 0) != stream.bytes)
      wrong(name + " has " + std::to_string(stream.bytes) + " bytes, the terminal event says " +
            std::to_string(number_at(total, "bytes", 0)));
    if (text_at(total, "sha256") != hash)
      wrong(name + " has the SHA-256 " + hash + ", the terminal event says " +
            text_at(total, "sha256"));
  }
}

void Verifier::finish() {
  if (seq_ != head_)
    wrong("the log ends at event " + std::to_string(seq_) + ", its record says " +
          std::to_string(head_));
  const std::string said = text_at(record_, "digest");
  if (said != digest())
    wrong("the digest of events up to " + std::to_string(seq_) + " is " + digest() +
          ", the record says " + (said.empty() ? "nothing" : said));
  const std::string state = text_at(record_, "state");
  if (is_terminal_state(state) != ended_)
    wrong("the record says " + state + ", the log " + (ended_ ? "has" : "has no") +
          " terminal event");
}

}  // namespace domed

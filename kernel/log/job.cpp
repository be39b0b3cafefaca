#include "log/job.h"

#include <algorithm>
#include <cstring>
#include <sstream>

#include "base/command_template.h"
#include "domed/error.h"
#include "log/record_shape.h"
#include "protocol/api_error.h"
#include "protocol/damage.h"
#include "protocol/limits.h"

namespace domed {
namespace {

constexpr std::uint64_t kHeadFormat = JobHead::kFormat;

class Writer {
 public:
  explicit Writer(std::size_t room) { bytes_.reserve(room); }
  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }
  void string(std::string_view text) {
    number(text.size());
    bytes_ += text;
  }
  template <class Array>
  void raw(const Array& array) {
    bytes_.append(reinterpret_cast<const char*>(array.data()), array.size());
  }
  void optional(const std::optional<std::int64_t>& value) {
    number(value ? 1 : 0);
    if (value) number(static_cast<std::uint64_t>(*value));
  }
  void digest(const std::optional<Digest>& value) {
    number(value ? 1 : 0);
    if (value) raw(*value);
  }
  void rest(std::string_view bytes) { bytes_ += bytes; }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<std::uint8_t>(take(1)[0]);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    damaged();
  }
  std::int64_t integer() { return static_cast<std::int64_t>(number()); }
  std::string string() { return std::string(take(number())); }
  std::string text() {
    std::string out = string();
    if (!is_utf8(out)) damaged();
    return out;
  }
  template <class Array>
  void raw(Array& array) {
    std::memcpy(array.data(), take(array.size()).data(), array.size());
  }
  std::optional<std::int64_t> optional() {
    return number() ? std::optional(integer()) : std::nullopt;
  }
  std::optional<Digest> digest() {
    if (number() == 0) return std::nullopt;
    Digest value;
    raw(value);
    return value;
  }
  bool is_at_end() const { return bytes_.empty(); }
  std::string rest() { return std::string(take(bytes_.size())); }
  State state() {
    const std::uint64_t value = number();
    if (value > static_cast<std::uint64_t>(State::canceled)) damaged();
    return static_cast<State>(value);
  }
  [[noreturn]] static void damaged() {
    throw Error(Code::corruption, "its record in the store is damaged");
  }

 private:
  std::string_view take(std::uint64_t count) {
    if (count > bytes_.size()) damaged();
    const std::string_view out = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return out;
  }
  std::string_view bytes_;
};

// What stands in a reply, a frame and a digest as it is.
bool is_name(const std::string& log_id) {
  return std::all_of(log_id.begin(), log_id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  });
}

void put(Writer& out, const StreamTotals& stream) {
  out.string(stream.name);
  out.number(stream.sealed ? 1 : 0);
  stream.sealed ? out.raw(*stream.sealed) : out.string(stream.hash.state());
  for (const std::uint64_t n : {stream.bytes, stream.lines, stream.dropped}) out.number(n);
}

StreamTotals get_stream(Reader& in) {
  StreamTotals stream;
  stream.name = in.text();
  if (in.number() != 0)
    in.raw(stream.sealed.emplace());
  else if (!stream.hash.restore(in.string()))
    Reader::damaged();
  for (std::uint64_t* n : {&stream.bytes, &stream.lines, &stream.dropped}) *n = in.number();
  return stream;
}

void put(Writer& out, const ProducerState& producer) {
  out.string(producer.id);
  out.number(producer.last_batch);
  out.number(producer.outcomes.size());
  for (const auto& outcome : producer.outcomes) {
    out.number(outcome.first_seq);
    out.number(outcome.head_seq - outcome.first_seq + 1);
    out.number(static_cast<std::uint64_t>(outcome.state));
    out.raw(outcome.content);
  }
}

ProducerState get_producer(Reader& in) {
  ProducerState producer;
  producer.id = in.text();
  producer.last_batch = in.number();
  const std::uint64_t count = in.number();
  if (count > producer.last_batch) Reader::damaged();
  for (std::uint64_t i = 0; i < count; ++i) {
    BatchOutcome outcome;
    outcome.batch = producer.last_batch - count + 1 + i;
    outcome.first_seq = in.number();
    outcome.head_seq = outcome.first_seq + in.number() - 1;
    outcome.state = in.state();
    in.raw(outcome.content);
    producer.outcomes.push_back(outcome);
  }
  return producer;
}

}  // namespace

OrderedJson StreamTotals::json() const {
  return {{"bytes", bytes}, {"lines", lines}, {"dropped", dropped}, {"sha256", to_hex(sha256())}};
}

OrderedJson streams_json(const std::vector<StreamTotals>& streams) {
  OrderedJson out = OrderedJson::object();
  for (const auto& stream : streams) out[stream.name] = stream.json();
  return out;
}

std::string JobHead::encode() const {
  std::size_t outcomes = 0;
  for (const auto& producer : producers) outcomes += producer.outcomes.size();
  Writer out(512 + 24 * outcomes);  // about
  out.number(kHeadFormat);
  out.number(plain_until);  // here, for log/checked_store.h reads it without the rest
  out.string(log_id);
  out.number(static_cast<std::uint64_t>(state));
  out.number(head_seq);
  out.number(first_seq);
  out.raw(digest);
  out.raw(base_digest);
  for (const std::int64_t time :
       {recorded, created, started, ended, last_ts, cancel_requested, purged})
    out.number(static_cast<std::uint64_t>(time));
  out.number((external ? 1u : 0u) | (has_provenance ? 2u : 0u) | (has_provenance_end ? 4u : 0u) |
             (importing ? 8u : 0u) | (held ? 16u : 0u) | (retry_at ? 32u : 0u) |
             (started_t ? 64u : 0u) | (ended_t ? 128u : 0u));
  if (retry_at) out.number(static_cast<std::uint64_t>(retry_at));
  for (const auto& time : {started_t, ended_t})
    if (time) out.number(static_cast<std::uint64_t>(*time));
  out.string(request_hash);
  out.string(reason);
  out.string(message);
  out.optional(exit_code);
  out.optional(signal);
  out.number(streams.size());
  for (const auto& stream : streams) put(out, stream);
  out.number(producers.size());
  for (const auto& producer : producers) put(out, producer);
  for (const std::string* text : {&incarnation, &node, &watcher}) out.string(*text);
  out.number(assigned);
  out.digest(run_token);
  out.digest(job_token);
  out.number(static_cast<std::uint64_t>(heard));
  out.number(bytes);
  out.string(revision);
  // Of most jobs nothing stands behind it, as before there were masks and marks.
  const bool owned = !submitter.empty() || !newer.empty();
  if (masked || marks || owned) out.number(masked);
  if (marks || owned) out.number(marks);
  if (owned) out.string(submitter);
  out.rest(newer);
  return out.take();
}

std::uint64_t JobHead::last_batch(const std::string& producer_id) const {
  for (const auto& producer : producers)
    if (producer.id == producer_id) return producer.last_batch;
  return 0;
}

JobHead JobHead::decode(std::string_view bytes) {
  Reader in(bytes);
  JobHead head;
  const std::uint64_t format = in.number();
  if (format != 1 && format != kHeadFormat)
    throw Error(Code::corruption, "its record was written by another version of domed");
  if (format == kHeadFormat) head.plain_until = in.number();
  head.log_id = in.text();
  if (!is_name(head.log_id)) Reader::damaged();
  head.state = in.state();
  head.head_seq = in.number();
  head.first_seq = in.number();
  in.raw(head.digest);
  in.raw(head.base_digest);
  for (std::int64_t* time : {&head.recorded, &head.created, &head.started, &head.ended,
                             &head.last_ts, &head.cancel_requested, &head.purged})
    *time = in.integer();
  const std::uint64_t flags = in.number();
  head.external = flags & 1, head.has_provenance = flags & 2, head.has_provenance_end = flags & 4;
  head.importing = flags & 8, head.held = flags & 16;
  if (flags & 32) head.retry_at = in.integer();
  if (flags & 64) head.started_t = in.integer();
  if (flags & 128) head.ended_t = in.integer();
  head.request_hash = in.text();
  head.reason = in.text();
  head.message = in.text();
  head.exit_code = in.optional();
  head.signal = in.optional();
  for (std::uint64_t n = in.number(); n > 0; --n) head.streams.push_back(get_stream(in));
  for (std::uint64_t n = in.number(); n > 0; --n) head.producers.push_back(get_producer(in));
  if (format == 1) {
    head.plain_until = head.head_seq;
    return head;
  }
  for (std::string* text : {&head.incarnation, &head.node, &head.watcher}) *text = in.text();
  head.assigned = in.number();
  head.run_token = in.digest();
  head.job_token = in.digest();
  head.heard = in.integer();
  head.bytes = in.number();
  head.revision = in.string();
  if (!in.is_at_end()) head.masked = in.number();
  if (!in.is_at_end()) head.marks = in.number();
  if (!in.is_at_end()) head.submitter = in.string();
  head.newer = in.rest();
  return head;
}

namespace {

// Each alone may be whole, and of another entry of the job all the same.
void must_agree(const JobRecord& record, const JobHead& head) {
  const auto compare = [&](const char* what, const auto& in_head, const auto& beside) {
    if (in_head == beside) return;
    std::ostringstream text;
    text << "its record in the store contradicts itself: " << what << " is " << in_head
         << " in its head, " << beside << " beside it";
    throw Error(Code::corruption, text.str());
  };
  compare("head_seq", head.head_seq, record.head_seq);
  compare("created", head.recorded, record.columns.created);
  compare("state", listed_state(head), record.columns.state);
  if (!record.tombstone) compare("first_seq", head.first_seq, record.first_seq);
  if (head.purged != 0 || !head.revision.empty())
    compare("tombstone", head.purged != 0, record.tombstone);
  if (!head.revision.empty()) compare("revision", to_hex(head.revision), to_hex(record.revision));
}

}  // namespace

bool is_of_former_life(const JobHead& head, std::string_view incarnation) {
  return !head.incarnation.empty() && head.incarnation != incarnation && !is_terminal(head.state) &&
         !head.importing && head.purged == 0;
}

std::string_view listed_state(const JobHead& head) {
  return head.importing ? "importing" : state_name(head.state);
}

namespace {

[[noreturn]] void name_job(const JobRecord& record, const Error& e) {
  const std::string text = "job '" + record.job_id + "': " + e.what();
  if (e.code() == Code::corruption) throw Damage(record.job_id, 0, text);
  throw Error(e.code(), text);
}

}  // namespace

JobHead head_of(const JobRecord& record) try {
  JobHead head = JobHead::decode(record.head);
  must_agree(record, head);
  return head;
} catch (const Error& e) {
  name_job(record, e);
}
JobFixed fixed_of(const JobRecord& record) try {
  return JobFixed::decode(record.fixed);
} catch (const Error& e) {
  name_job(record, e);
}

std::string derive_job_id(std::string_view submitter, std::string_view client_id,
                          std::string_view idempotency_key) {
  Json parts = Json::array({client_id, idempotency_key});
  if (!submitter.empty()) parts.push_back(submitter);
  return sha256_hex(canonical_json(parts)).substr(0, 32);
}

Digest chain(const Digest& previous, std::string_view line) {
  Sha256 hash;
  hash.update(previous);
  hash.update(line);
  return hash.digest();
}

}  // namespace domed

#include "log/job.h"

#include <algorithm>
#include <cstring>

#include "base/command_template.h"
#include "domed/error.h"
#include "log/record_shape.h"
#include "protocol/api_error.h"
#include "protocol/limits.h"

namespace domed {
namespace {

constexpr std::uint64_t kHeadFormat = 1;

class Writer {
 public:
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

std::string text(const Json& object, const char* key) {
  return object.contains(key) ? object.at(key).get<std::string>() : "";
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
  Writer out;
  out.number(kHeadFormat);
  out.string(log_id);
  out.number(static_cast<std::uint64_t>(state));
  out.number(head_seq);
  out.number(first_seq);
  out.raw(digest);
  out.raw(base_digest);
  for (const std::int64_t time :
       {ordinal, created, started, ended, last_ts, cancel_requested, purged})
    out.number(static_cast<std::uint64_t>(time));
  out.number((external ? 1u : 0u) | (has_provenance ? 2u : 0u) | (has_provenance_end ? 4u : 0u) |
             (importing ? 8u : 0u) | (held ? 16u : 0u) | (retry_at ? 32u : 0u));
  if (retry_at) out.number(static_cast<std::uint64_t>(retry_at));
  out.string(request_hash);
  out.string(reason);
  out.string(message);
  out.optional(exit_code);
  out.optional(signal);
  out.number(streams.size());
  for (const auto& stream : streams) put(out, stream);
  out.number(producers.size());
  for (const auto& producer : producers) put(out, producer);
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
  if (in.number() != kHeadFormat)
    throw Error(Code::corruption, "its record was written by another version of domed");
  head.log_id = in.text();
  if (!is_name(head.log_id)) Reader::damaged();
  head.state = in.state();
  head.head_seq = in.number();
  head.first_seq = in.number();
  in.raw(head.digest);
  in.raw(head.base_digest);
  for (std::int64_t* time : {&head.ordinal, &head.created, &head.started, &head.ended,
                             &head.last_ts, &head.cancel_requested, &head.purged})
    *time = in.integer();
  const std::uint64_t flags = in.number();
  head.external = flags & 1, head.has_provenance = flags & 2, head.has_provenance_end = flags & 4;
  head.importing = flags & 8, head.held = flags & 16;
  if (flags & 32) head.retry_at = in.integer();
  head.request_hash = in.text();
  head.reason = in.text();
  head.message = in.text();
  head.exit_code = in.optional();
  head.signal = in.optional();
  for (std::uint64_t n = in.number(); n > 0; --n) head.streams.push_back(get_stream(in));
  for (std::uint64_t n = in.number(); n > 0; --n) head.producers.push_back(get_producer(in));
  return head;
}

std::string JobFixed::encode() const {
  Json out = {{"job_id", job_id},
              {"run_id", run_id},
              {"client_id", client_id},
              {"idempotency_key", idempotency_key},
              {"producer_token", producer_token},
              {"request", request},
              {"tool", tool},
              {"provenance", provenance},
              {"provenance_end", provenance_end},
              {"artifacts", artifacts},
              {"cancel_reason", cancel_reason}};
  if (!imported.is_null()) out["imported"] = imported;
  if (!claims.is_null()) out["claims"] = claims;
  return out.dump();
}

JobFixed JobFixed::decode(std::string_view bytes) {
  try {
    const Json json = Json::parse(bytes);
    JobFixed fixed;
    fixed.job_id = json.at("job_id");
    fixed.run_id = json.at("run_id");
    fixed.client_id = json.at("client_id");
    fixed.idempotency_key = json.at("idempotency_key");
    fixed.producer_token = json.at("producer_token");
    fixed.request = json.at("request");
    fixed.tool = json.at("tool");
    fixed.provenance = json.at("provenance");
    fixed.provenance_end = json.at("provenance_end");
    fixed.artifacts = json.at("artifacts").get<std::vector<std::string>>();
    fixed.cancel_reason = text(json, "cancel_reason");
    fixed.imported = json.value("imported", Json());
    fixed.claims = json.value("claims", Json());
    const std::string problem = shape_problem(fixed);
    if (!problem.empty())
      throw Error(Code::corruption, "its record in the store is damaged: " + problem);
    return fixed;
  } catch (const Json::exception&) {  // whose text may hold the bytes that are no text
    throw Error(Code::corruption, "its record in the store is damaged: it is not what was written");
  }
}

namespace {

OrderedJson stored_object(const std::string& json, const char* what) {
  OrderedJson out = OrderedJson::parse(json, nullptr, false);
  if (!out.is_object())
    throw Error(Code::corruption,
                std::string("its record in the store is damaged: ") + what + " is no JSON object");
  return out;
}

template <class Part>
Part part_of(const JobRecord& record, std::string_view bytes) try {
  return Part::decode(bytes);
} catch (const Error& e) {
  throw Error(e.code(), "job '" + record.job_id + "': " + e.what());
}

}  // namespace

OrderedJson JobFixed::provenance_json() const {
  return stored_object(provenance, "provenance");
}
OrderedJson JobFixed::provenance_end_json() const {
  return stored_object(provenance_end, "provenance_end");
}

JobHead head_of(const JobRecord& record) {
  return part_of<JobHead>(record, record.head);
}
JobFixed fixed_of(const JobRecord& record) {
  return part_of<JobFixed>(record, record.fixed);
}

bool JobFixed::external() const {
  return text(request, "executor") == "external";
}
std::string JobFixed::tool_id() const {
  return text(request, "tool_id");
}

// The record is written as a whole with each of them, so they must not be many.
bool JobFixed::add_artifact(const std::string& payload) {
  std::size_t bytes = payload.size();
  for (const auto& kept : artifacts) bytes += kept.size();
  if (artifacts.size() >= limits::kArtifacts || bytes > limits::kArtifactBytes) return false;
  artifacts.push_back(payload);
  return true;
}

Json JobFixed::command() const {
  if (external() || !tool.is_object() || !tool.contains("command"))
    return request.value("command", Json());
  try {
    return fill_command(tool.at("command"), request.value("task", Json()));
  } catch (const Error& e) {
    throw ApiError("E_INVALID_REQUEST", e.what());
  }
}

std::vector<std::string> JobFixed::labels() const {
  std::vector<std::string> out;
  if (request.contains("labels"))
    for (const auto& [key, value] : request.at("labels").items())
      out.push_back(key + "=" + value.get<std::string>());
  return out;
}

std::string derive_job_id(std::string_view client_id, std::string_view idempotency_key) {
  return sha256_hex(canonical_json(Json::array({client_id, idempotency_key}))).substr(0, 32);
}

Digest chain(const Digest& previous, std::string_view line) {
  Sha256 hash;
  hash.update(previous);
  hash.update(line);
  return hash.digest();
}

}  // namespace domed

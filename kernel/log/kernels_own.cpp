#include "log/kernels_own.h"

#include "base/json.h"
#include "base/units.h"
#include "log/job.h"
#include "protocol/api_error.h"
#include "protocol/event.h"
#include "protocol/limits.h"

namespace domed {
namespace {

constexpr std::size_t kSecretBytes = 32;

std::string new_secret(Environment& environment) {
  Digest secret;
  from_hex(environment.random_id() + environment.random_id(), secret);
  return {reinterpret_cast<const char*>(secret.data()), secret.size()};
}

// Nothing where somebody was faster.
void make_record(Store& store, Environment& environment) {
  const std::string secret = new_secret(environment);
  JobHead head;
  head.log_id = environment.random_id();
  head.recorded = head.created = head.last_ts = environment.now();
  head.head_seq = 1;
  head.external = true;
  head.incarnation = store.incarnation();
  head.revision = environment.revision();
  std::string line =
      encode_line(json_string(kStoreRecord), 1, format_time(head.created), "x-domed-store", "{}");
  head.base_digest = base_of(head.log_id);
  head.digest = chain(head.base_digest, line);
  line += '\n';
  const std::string encoded = head.encode();
  const std::uint32_t end = static_cast<std::uint32_t>(line.size());
  Entry entry;
  entry.job_id = kStoreRecord;
  entry.revision = head.revision;
  entry.events = line;
  entry.ends = {&end, 1};
  entry.fixed = secret;
  entry.head = encoded;
  entry.columns = {head.recorded, std::string(listed_state(head)), false, {}};
  store.commit({&entry, 1});
}

void write_again(Store& store, Environment& environment, const JobRecord& record,
                 std::optional<std::string_view> fixed) {
  JobHead head = head_of(record);
  head.revision = environment.revision();
  head.incarnation = store.incarnation();
  const std::string encoded = head.encode();
  Entry entry;
  entry.job_id = kStoreRecord;
  entry.expected_revision = record.revision;
  entry.revision = head.revision;
  entry.base = record.head_seq;
  entry.fixed = fixed;
  entry.head = encoded;
  entry.columns = record.columns;
  store.commit({&entry, 1});
}

// Without it no token can be told, so nobody begins: of several nodes one that has another key than
// the rest, or none.
void must_be_open(const JobRecord& record) {
  if (const std::string problem = sealed_problem(kStoreRecord, record.fixed); !problem.empty())
    throw Error(Code::unsupported, "the store cannot be used: " + problem);
}

}  // namespace

void must_open_secret(const SealedStore& store) {
  if (const auto record = store.find(kStoreRecord)) must_be_open(*record);
}

std::string store_secret(SealedStore& store, Environment& environment) {
  auto record = store.find(kStoreRecord);
  if (!record) {
    make_record(store, environment);
    record = store.find(kStoreRecord);
  }
  if (!record)
    throw Error(Code::io, std::string("the store did not take its record '") + kStoreRecord +
                              "', without which no token can be made: start again");
  must_be_open(*record);
  if (record->fixed.size() != kSecretBytes)
    throw Error(Code::corruption, std::string("the record '") + kStoreRecord +
                                      "' is damaged in the store: restore it from a backup");
  // Where somebody is faster it stays for the next start.
  if (!store.is_sealed_as_now(kStoreRecord))
    write_again(store, environment, *record, record->fixed);
  return record->fixed;
}

void touch(Store& store, Environment& environment) {
  if (const auto record = store.find(kStoreRecord))
    write_again(store, environment, *record, std::nullopt);
}

namespace {

constexpr const char* kSettings = "x-domed-settings";

std::uint64_t revision_of(std::uint64_t head_seq) {
  return head_seq == 0 ? 0 : head_seq - 1;  // the first event makes the record
}

Error damaged_settings(const std::string& why) {
  return {Code::corruption, std::string("the record '") + kClusterRecord +
                                "' is damaged in the store: " + why + ": apply the settings again"};
}

}  // namespace

KeptSettings kept_settings(const Store& store) try {
  KeptSettings out;
  const auto record = store.find(kClusterRecord);
  if (!record || revision_of(record->head_seq) == 0) return out;
  const auto slice = store.read(kClusterRecord, record->head_seq, 1, limits::kPageBytesMost);
  if (!slice || slice->ends.size() != 1) throw damaged_settings("its newest event is not there");
  const Line line = read_line(std::string_view(slice->events).substr(0, slice->ends[0] - 1));
  const Json payload = Json::parse(line.event.payload);
  if (line.event.type != kSettings || !payload.is_object() || !payload.contains("text"))
    throw damaged_settings("its newest event has no settings");
  out.revision = revision_of(record->head_seq);
  out.at = line.ts;
  out.text = text_at(payload, "text");
  out.file = text_at(payload, "file");
  out.by = text_at(payload, "by");
  return out;
} catch (const ApiError& e) {
  throw damaged_settings(e.what());
} catch (const Json::exception&) {
  throw damaged_settings("it is not what was written");
}

std::uint64_t keep_settings(JobLog& log, std::uint64_t revision, const KeptSettings& settings) {
  const std::uint64_t present = log.exists() ? revision_of(log.head().head_seq) : 0;
  if (present != revision)
    throw ApiError("E_INVALID_TRANSITION",
                   "somebody has applied other settings meanwhile: they are of revision " +
                       std::to_string(present) + ", not " + std::to_string(revision) +
                       ": look at them, and apply yours again",
                   {{"revision", present}});
  const std::string payload =
      OrderedJson{{"text", settings.text}, {"file", settings.file}, {"by", settings.by}}.dump();
  if (payload.size() > limits::kEventBytes - 1024)
    throw ApiError("E_TOO_LARGE", "the settings have more bytes than an event may have");
  if (!log.exists()) {
    Submission made;
    made.fixed.job_id = kClusterRecord;
    made.fixed.request = {{"executor", "external"}};
    log.create(made);
  }
  log.note(kSettings, payload);
  return present + 1;
}

}  // namespace domed

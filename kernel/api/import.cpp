#include "api/import.h"

#include "api/submission.h"
#include "base/units.h"
#include "protocol/identity.h"
#include "protocol/job_id.h"
#include "protocol/limits.h"
#include "protocol/request.h"

namespace domed {
namespace {

std::string log_id_in(Params& params, const std::string& where) {
  const std::string id = params.required_text("log_id");
  if (id.size() != 32 || id.find_first_not_of("0123456789abcdef") != std::string::npos)
    invalid_request("'" + where + "log_id' must be 32 lower-case hex characters");
  return id;
}

std::optional<Digest> digest_in(Params& params, const char* key, const std::string& where) {
  const auto text = params.text(key);
  if (!text) return std::nullopt;
  Digest digest;
  if (!from_hex(*text, digest))
    invalid_request("'" + where + key + "' must be 64 lower-case hex characters");
  return digest;
}

std::int64_t time_in(Params& params, const char* key) {
  const auto text = params.text(key);
  if (!text) return 0;
  const auto time = parse_time(*text);
  if (!time) invalid_request(std::string("'record.") + key + "' must be a time");
  return *time;
}

// A status has of "stdin" what may be shown.
void check_shown_stdin(const Json& from) {
  if (from.is_null()) return;
  Digest digest;
  const Json path = from.value("path", Json()), hash = from.value("sha256", Json());
  const bool is_path = from.size() == 1 && path.is_string();
  const bool is_hash = from.size() == 2 && hash.is_string() &&
                       from_hex(hash.get<std::string>(), digest) &&
                       from.value("bytes", Json()).is_number_unsigned();
  if (!is_path && !is_hash)
    invalid_request(
        "'record.stdin' must have 'path', or the 'sha256' and number of 'bytes' that were read");
}

// And of "env" the names; what the values were is not known here.
Json read_names(const Json& names, const std::string& key) {
  Json out = Json::object();
  for (const auto& name : names) {
    if (!name.is_string() || name == "")
      invalid_request("'record." + key + "' must be a list of names");
    out[name.get<std::string>()] = nullptr;
  }
  return out;
}

// What an export says of the job; the request as far as a status shows it.
void read_fixed(Params& record, JobFixed& fixed) {
  fixed.run_id = record.text("run_id", limits::kKeyBytes).value_or("");
  fixed.client_id = record.text("client_id", limits::kKeyBytes).value_or("");
  fixed.idempotency_key = record.text("idempotency_key", limits::kKeyBytes).value_or("");
  fixed.submitter = record.text("submitter", limits::kKeyBytes).value_or("");
  if (!is_identity(fixed.submitter))
    invalid_request("'record.submitter' must be of letters, digits and ._@:/-");
  fixed.name = record.text("name", limits::kNameBytes).value_or("");
  check_name(fixed.name);
  for (const char* key : {"executor", "tool_id", "cwd", "profile"}) record.text(key, 4096);
  const bool external = record.all().value("executor", "") == "external";
  // By the same rules as a request (submission.h): else an import could put into the store what no
  // client may ask for, and whoever reads a record would have to be ready for it.
  check_command(record.array("command"));
  check_labels(record.object("labels"));
  check_limits(record.object("limits"));
  check_tty(record.object("tty"), record.all().contains("stdin"));
  check_shown_stdin(record.object("stdin"));
  check_queueing(record, external);
  check_timeout(record);
  check_expires(record, external);
  for (const char* key : {"task", "constraints"}) record.object(key);
  fixed.request = Json::object();
  for (const char* key : {"executor", "tool_id", "cwd", "profile", "command", "labels", "limits",
                          "tty", "stdin", "priority", "queue", "retry_of", "depends_on", "retry",
                          "not_before", "timeout_s", "expires_s", "task", "constraints"})
    if (record.all().contains(key)) fixed.request[key] = record.all().at(key);
  if (const auto node = record.text("wanted_node", limits::kNameBytes); node && !node->empty())
    fixed.request["node"] = *node;
  for (const char* key : {"env", "secret_env"})
    if (const Json names = read_names(record.array(key), key); !names.empty())
      fixed.request[key] = names;
}

// The beginning of a trimmed log is known from the record alone.  "shown" is the
// record with its keys in their order: payloads are kept as they were.
void read_trimmed(Params& record, const OrderedJson& shown, ImportRecord& out) {
  const auto base = digest_in(record, "base_digest", "record.");
  if (!base) invalid_request("'record.base_digest' is required for a trimmed log");
  out.base_digest = *base;
  out.created = time_in(record, "created_at");
  out.started = time_in(record, "started_at");
  out.node = record.text("node", limits::kNameBytes).value_or("");
  // A record tells that it was, not when; any time but 0 says that.
  if (record.boolean("cancel_requested", false)) out.cancel_requested = out.created;
  if (shown.contains("provenance") && shown.at("provenance").is_object())
    out.fixed.provenance = shown.at("provenance").dump();
  if (record.array("artifacts").is_null()) return;
  for (const auto& artifact : shown.at("artifacts")) {
    if (!artifact.is_object()) invalid_request("'record.artifacts' must be a list of objects");
    out.fixed.add_artifact(artifact.dump());
  }
}

ImportRecord read_record(Params& record, const OrderedJson& shown, const std::string& job_id) {
  ImportRecord out;
  out.log_id = log_id_in(record, "record.");
  if (digest_in(record, "request_hash", "record."))
    out.request_hash = record.all().at("request_hash").get<std::string>();
  out.first_seq = static_cast<std::uint64_t>(record.integer("first_seq", 1, 1, UINT32_MAX));
  out.fixed.job_id = job_id;
  read_fixed(record, out.fixed);
  if (out.first_seq > 1) read_trimmed(record, shown, out);
  // What the events tell as well is not taken over. It is held against them when the last piece is
  // there (JobLog::import), for the log is the truth (`StateIsEvents`).
  out.fixed.claims = Json::object();
  for (const char* key :
       {"state", "reason", "message", "exit_code", "signal", "head_seq", "as_of_seq", "created_at",
        "started_at", "ended_at", "cancel_requested", "streams", "node", "masked"})
    if (record.all().contains(key)) out.fixed.claims[key] = record.all().at(key);
  return out;
}

std::vector<Line> read_lines(const Json& events) {
  if (events.empty()) invalid_request("'events' holds at least one event line");
  std::vector<Line> lines;
  for (const auto& line : events) {
    if (!line.is_string()) invalid_request("'events' is an array of event lines, as strings");
    lines.push_back(read_line(line.get<std::string>()));
  }
  return lines;
}

}  // namespace

ImportPiece read_import(const std::string& text, std::string& job_id) {
  Params params(text);
  job_id = named_job(params.required_text("job_id", limits::kKeyBytes));
  if (job_id.find('\n') != std::string::npos)
    invalid_request("'job_id' has a line feed: no follower could subscribe to it alone");
  ImportPiece piece;
  piece.last = params.boolean("last", true);
  piece.digest = digest_in(params, "digest", "");
  piece.lines = read_lines(params.array("events"));
  if (params.object("record").is_null()) {
    piece.log_id = log_id_in(params, "");
  } else {
    const OrderedJson shown = OrderedJson::parse(text).at("record");
    Params record(shown.dump());
    piece.record = read_record(record, shown, job_id);
    piece.log_id = piece.record->log_id;
    if (!piece.digest) piece.digest = digest_in(record, "digest", "record.");
    params.text("log_id");
  }
  // `Digest`: it is that of the whole log, to which no earlier piece can be held.
  if (!piece.last) piece.digest.reset();
  params.done();
  return piece;
}

}  // namespace domed

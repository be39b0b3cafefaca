#include "api/status.h"

#include "base/units.h"
#include "domed/error.h"
#include "log/request_hash.h"
#include "log/retry.h"
#include "protocol/api_error.h"
#include "protocol/job_id.h"

namespace domed {

void put_how_it_ended(OrderedJson& out, const JobHead& head) {
  if (!head.reason.empty()) out["reason"] = head.reason;
  if (!head.message.empty()) out["message"] = head.message;
  if (head.exit_code) out["exit_code"] = *head.exit_code;
  if (head.signal) out["signal"] = *head.signal;
}

namespace {

void put_time(OrderedJson& out, const char* key, std::int64_t time) {
  if (time) out[key] = format_time(time);
}

// What both views begin with.
OrderedJson common_json(const JobHead& head, const JobFixed& fixed, const std::string& job_id) {
  OrderedJson out{{"job_id", job_id}, {"run_id", fixed.run_id}, {"log_id", head.log_id}};
  if (!fixed.name.empty()) out["name"] = fixed.name;
  out["state"] = state_name(head.state);
  put_how_it_ended(out, head);
  if (head.held) out["held"] = true;
  if (head.is_paused()) out["paused"] = true;
  if (head.was_paused()) out["was_paused"] = true;
  if (const auto progress = head.progress()) out["progress"] = *progress / 1000.0;
  if (!head.node.empty()) out["node"] = head.node;
  for (const char* key : {"queue", "priority", "depends_on", "retry_of", "retry", "not_before"})
    if (fixed.request.contains(key)) out[key] = fixed.request.at(key);
  // "node" is where the run is.
  if (fixed.request.contains("node")) out["wanted_node"] = fixed.request.at("node");
  // Known before that job is made, for its id follows from this one's: who waits for the job can go
  // on to wait for it.
  if (is_tried_again(head, fixed, head.state, head.reason)) out["retried_by"] = retry_id(job_id);
  if (!fixed.submitter.empty()) out["submitter"] = fixed.submitter;
  out["executor"] = fixed.external() ? "external" : "local-process";
  if (!fixed.tool_id().empty()) out["tool_id"] = fixed.tool_id();
  if (const Json command = fixed.command(); !command.is_null()) out["command"] = command;
  out["labels"] = fixed.request.contains("labels") ? OrderedJson(fixed.request.at("labels"))
                                                   : OrderedJson::object();
  put_time(out, "created_at", head.created);
  put_time(out, "started_at", head.started_at());
  put_time(out, "ended_at", head.ended_at());
  out["first_seq"] = head.first_seq;
  out["head_seq"] = head.head_seq;
  return out;
}

// The bytes may be long, or secret.  An imported record has them as shown here.
OrderedJson shown_stdin(const Json& from) {
  std::string bytes;
  if (!from.contains("b64") || !from_base64(from.value("b64", ""), bytes)) return from;
  return {{"sha256", sha256_hex(bytes)}, {"bytes", bytes.size()}};
}

void put_request(OrderedJson& out, const Json& request) {
  for (const char* key :
       {"cwd", "task", "constraints", "profile", "limits", "timeout_s", "expires_s", "tty"})
    if (request.contains(key)) out[key] = request.at(key);
  if (request.contains("stdin")) out["stdin"] = shown_stdin(request.at("stdin"));
  out["env"] = OrderedJson::array();  // the names alone: values may be secrets
  if (request.contains("env"))
    for (const auto& item : request.at("env").items()) out["env"].push_back(item.key());
  if (!request.contains("secret_env")) return;
  out["secret_env"] = OrderedJson::array();
  for (const auto& item : request.at("secret_env").items()) out["secret_env"].push_back(item.key());
}

std::string why_no_drift(State state, bool started) {
  if (!is_terminal(state)) return "not looked at yet: the job has not ended";
  if (!started) return "not looked at: the run never started";
  return "not looked at: no collector looks at sources, or the run did not end under its executor";
}

// Always there, "unknown" with a reason if need be: a field that is left out would be read as one
// that has nothing to tell.
void put_provenance(OrderedJson& out, State state, const JobFixed& fixed) {
  if (fixed.provenance.empty()) {
    out["provenance"] = "unknown";
    out["provenance_reason"] = "the run has not started";
  } else {
    out["provenance"] = fixed.provenance_json();
  }
  if (fixed.provenance_end.empty()) {
    out["drift"] = "unknown";
    out["drift_reason"] = why_no_drift(state, !fixed.provenance.empty());
  } else {
    const auto end = fixed.provenance_end_json();
    out["drift"] = end.value("drift", OrderedJson("unknown"));
    if (end.contains("drift_reason")) out["drift_reason"] = end.at("drift_reason");
    out["provenance_end"] = end;
  }
}

}  // namespace

namespace {

Error damaged(const JobRecord& record, const std::string& why) {
  return {Code::corruption,
          "job '" + record.job_id + "': its record in the store is damaged: " + why};
}

// Of stored bytes nothing is a fault of the request, or of ours.
template <class Show>
OrderedJson shown(const JobRecord& record, Show show) try {
  return show(head_of(record), fixed_of(record));
} catch (const Json::exception&) {
  throw damaged(record, "it is not what was written");
} catch (const ApiError& e) {
  throw damaged(record, e.what());  // its task does not fit its tool
}

OrderedJson whole_json(const JobHead& head, const JobFixed& fixed, const std::string& job_id) {
  OrderedJson out = common_json(head, fixed, job_id);
  out["client_id"] = fixed.client_id;
  out["idempotency_key"] = fixed.idempotency_key;
  if (const std::string hash = shown_request_hash(head, fixed); !hash.empty())
    out["request_hash"] = hash;
  put_request(out, fixed.request);
  if (const std::string cwd = text_at(fixed.tool, "cwd"); !cwd.empty() && !out.contains("cwd"))
    out["cwd"] = cwd;
  // `StateIsEvents` and `Digest`: up to which event this is the fold, and by what any copy of the
  // log, a follower's too, can be checked.
  out["as_of_seq"] = head.head_seq;
  out["digest"] = to_hex(head.digest);
  out["base_digest"] = to_hex(head.base_digest);
  out["cancel_requested"] = head.cancel_requested != 0;
  out["streams"] = streams_json(head.streams);
  if (head.masked) out["masked"] = head.masked;
  out["artifacts"] = OrderedJson::array();
  for (const auto& artifact : fixed.artifacts)
    out["artifacts"].push_back(OrderedJson::parse(artifact));
  put_provenance(out, head.state, fixed);
  if (!fixed.imported.is_null()) out["imported"] = fixed.imported;
  return out;
}

}  // namespace

OrderedJson summary_json(const JobRecord& record) try {
  return shown(record, [&](const JobHead& head, const JobFixed& fixed) {
    return common_json(head, fixed, record.job_id);
  });
} catch (const Error& e) {  // it costs its own line of the list only
  return {{"job_id", record.job_id}, {"state", record.columns.state}, {"damaged", e.what()}};
}

bool is_shown(const JobRecord& record) {
  return record.columns.state != "importing" && !is_kernels_own(record.job_id);
}

OrderedJson status_json(const JobRecord& record) {
  return shown(record, [&](const JobHead& head, const JobFixed& fixed) {
    return whole_json(head, fixed, record.job_id);
  });
}

}  // namespace domed

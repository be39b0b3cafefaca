#include "transfer.h"

#include <algorithm>

namespace domed::test {
namespace {

// As domectl/copies.cpp; the rest of a status is in the events, where they are kept.
Json record_of(const Json& status) {
  Json out = Json::object();
  const auto take = [&](std::initializer_list<const char*> keys) {
    for (const char* key : keys)
      if (status.contains(key)) out[key] = status[key];
  };
  take({"log_id", "first_seq", "request_hash", "run_id", "client_id", "idempotency_key",
        "submitter", "executor", "tool_id", "command", "cwd", "labels", "base_digest", "digest"});
  if (status.at("first_seq") != 1)
    take({"created_at", "started_at", "cancel_requested", "provenance", "artifacts"});
  return out;
}

}  // namespace

Export export_job(Kernel& kernel, const std::string& job_id) {
  return {kernel.call("GetJobStatus", {{"job_id", job_id}}), kernel.lines(job_id)};
}

std::vector<Json> import_pieces(const Export& job, std::size_t lines_each) {
  std::vector<Json> pieces;
  for (std::size_t begin = 0; begin < job.lines.size(); begin += lines_each) {
    const std::size_t end = std::min(begin + lines_each, job.lines.size());
    const auto from = job.lines.begin() + static_cast<long>(begin),
               to = job.lines.begin() + static_cast<long>(end);
    Json piece{{"job_id", job.record["job_id"]},
               {"events", std::vector<std::string>(from, to)},
               {"last", end == job.lines.size()}};
    if (begin == 0)
      piece["record"] = record_of(job.record);
    else
      piece["log_id"] = job.record["log_id"];
    if (end == job.lines.size()) piece["digest"] = job.record["digest"];
    pieces.push_back(std::move(piece));
  }
  return pieces;
}

Json import_job(Kernel& kernel, const Export& job, std::size_t lines_each) {
  Json reply;
  for (const auto& piece : import_pieces(job, lines_each))
    reply = kernel.request("ImportJob", piece);
  return reply;
}

}  // namespace domed::test

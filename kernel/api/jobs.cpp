#include "api/jobs.h"

#include "api/change.h"
#include "api/status.h"
#include "base/units.h"
#include "jobs/waiting.h"
#include "protocol/limits.h"
#include "protocol/request.h"
#include "protocol/state.h"

namespace domed {

void JobMethods::get_job_status(Call call) const {
  Params params(call.params);
  const std::string job_id = params.job_id();
  params.done();
  const JobRecord record = existing(store_, job_id);
  OrderedJson out = status_json(record);
  if (record.columns.unfinished && out.contains("tty"))
    out["terminal"] = scheduler_.typing_socket(out["run_id"]);
  if (record.columns.state == "queued") {
    Waiting producer;
    producer.external = true;
    out["waiting"] =
        out["executor"] == "external" ? producer.why() : scheduler_.why_waiting(record);
  }
  call.result(out.dump());
}

void JobMethods::list_jobs(Call call) const {
  Params params(call.params);
  ListQuery query;
  query.state = params.text("state").value_or("");
  if (!query.state.empty() && !parse_state(query.state))
    throw ApiError("E_INVALID_REQUEST",
                   "'state' must be queued, running, succeeded, failed or canceled");
  query.label = params.text("label", 1024).value_or("");
  if (!query.label.empty() && query.label.find('=') == std::string::npos)
    throw ApiError("E_INVALID_REQUEST", "'label' must be KEY=VALUE");
  query.tool_id = params.text("tool_id").value_or("");
  if (const auto since = params.text("since")) {
    const auto time = parse_time(*since);
    if (!time)
      throw ApiError("E_INVALID_REQUEST", "'since' must be a time such as 2026-01-31T12:00:00Z");
    query.since = *time;
  }
  query.limit = static_cast<std::size_t>(params.integer("limit", 100, 1, 1000));
  if (const auto page = params.text("page")) {
    if (page->empty() || page->size() > 18 ||
        page->find_first_not_of("0123456789") != std::string::npos)
      throw ApiError("E_INVALID_REQUEST", "'page' must be the next_page of an earlier reply");
    query.before = std::stoll(*page);
  }
  params.done();
  query.max_bytes = limits::kPageBytesMost;
  const auto records = store_.list(query);
  OrderedJson out{{"jobs", OrderedJson::array()}};
  for (const auto& record : records)
    if (record.columns.state != "importing") out["jobs"].push_back(summary_json(record));
  // A page may be short because of its bytes: only an empty one is known to be the last.
  query.before = records.empty() ? 0 : records.back().columns.created;
  query.limit = 1;
  if (query.before && !store_.list(query).empty()) out["next_page"] = std::to_string(query.before);
  call.result(out.dump());
}

}  // namespace domed

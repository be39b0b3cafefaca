#include "api/jobs.h"

#include <charconv>

#include "api/change.h"
#include "api/status.h"
#include "base/units.h"
#include "jobs/waiting.h"
#include "log/tags.h"
#include "protocol/job_id.h"
#include "protocol/limits.h"
#include "protocol/request.h"
#include "protocol/state.h"

namespace domed {

namespace {

// The next page begins behind a job's place in the order: its "created", and its id in base64,
// for any bytes can be an id.
std::string page_behind(const JobRecord& record) {
  return std::to_string(record.columns.created) + ":" + to_base64(record.job_id);
}

// False where "page" is not what page_behind() gives.  Half of one must not do either: it would
// quietly give a page that nobody asked for (Records.APageIsOneThatWasGiven).  The time may be
// negative, for a clock may stand before 1970.
bool go_on(const std::string& page, ListQuery& query) {
  const std::size_t colon = page.find(':');
  if (colon == std::string::npos) return false;
  const char* end = page.data() + colon;
  const auto number = std::from_chars(page.data(), end, query.before);
  return number.ec == std::errc() && number.ptr == end &&
         from_base64(page.substr(colon + 1), query.before_id) && !query.before_id.empty();
}

}  // namespace

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
  if (const auto label = params.text("label", 1024); label && !label->empty()) {
    if (label->find('=') == std::string::npos) invalid_request("'label' must be KEY=VALUE");
    query.tags.push_back(label_tag(*label));
  }
  if (const auto tool = params.text("tool_id"); tool && !tool->empty())
    query.tags.push_back(tag("tool", *tool));
  if (const auto since = params.text("since")) {
    const auto time = parse_time(*since);
    if (!time)
      throw ApiError("E_INVALID_REQUEST", "'since' must be a time such as 2026-01-31T12:00:00Z");
    query.since = *time;
  }
  query.limit = static_cast<std::size_t>(params.integer("limit", 100, 1, 1000));
  if (const auto page = params.text("page"))
    if (!go_on(*page, query)) invalid_request("'page' must be the next_page of an earlier reply");
  params.done();
  query.max_bytes = limits::kPageBytesMost;
  const auto records = store_.list(query);
  OrderedJson out{{"jobs", OrderedJson::array()}};
  // Left out here, since a store's query can only ask for something: a copy whose import has not
  // ended, which is not there yet, and the kernel's own records. So a page can be empty and still
  // have a next one.
  for (const auto& record : records)
    if (record.columns.state != "importing" && !is_kernels_own(record.job_id))
      out["jobs"].push_back(summary_json(record));
  // A page may be short because of its bytes: only an empty one is known to be the last.
  if (!records.empty()) {
    const std::string next = page_behind(records.back());
    go_on(next, query);
    query.limit = 1;
    if (!store_.list(query).empty()) out["next_page"] = next;
  }
  call.result(out.dump());
}

}  // namespace domed

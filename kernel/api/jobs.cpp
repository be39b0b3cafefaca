#include "api/jobs.h"

#include <algorithm>
#include <charconv>

#include "api/change.h"
#include "api/status.h"
#include "base/units.h"
#include "jobs/waiting.h"
#include "log/records.h"
#include "log/tags.h"
#include "protocol/job_id.h"
#include "protocol/limits.h"
#include "protocol/request.h"
#include "protocol/state.h"

namespace domed {

namespace {

// What one request may ask of the store, a few milliseconds each.  Where little fits the filters,
// its page is short, even empty, and the next request goes on from there.
constexpr int kMostStorePages = 10;

// The place that the next page begins behind, its id in base64, for any bytes can be an id.
std::string page_behind(const JobPage& page) {
  return std::to_string(page.before) + ":" + to_base64(page.before_id);
}

// False where "page" is nothing that page_behind() gives.  Half of one must not do either: it would
// quietly give a page that nobody asked for (Records.APageIsOneThatWasGiven).  The time may be
// negative, for a clock may stand before 1970.
bool go_on_from(const std::string& page, ListQuery& query) {
  const std::size_t colon = page.find(':');
  if (colon == std::string::npos) return false;
  const char* end = page.data() + colon;
  const auto number = std::from_chars(page.data(), end, query.before);
  return number.ec == std::errc() && number.ptr == end &&
         from_base64(page.substr(colon + 1), query.before_id) && !query.before_id.empty();
}

// A store's query can only ask for something, so a copy whose import has not ended, which is not
// there yet, and the kernel's own records are left out here.
bool is_shown(const JobRecord& record) {
  return record.columns.state != "importing" && !is_kernels_own(record.job_id);
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
  if (const auto submitter = params.text("submitter"); submitter && !submitter->empty())
    query.tags.push_back(tag("submitter", *submitter));
  if (const auto since = params.text("since")) {
    const auto time = parse_time(*since);
    if (!time)
      throw ApiError("E_INVALID_REQUEST", "'since' must be a time such as 2026-01-31T12:00:00Z");
    query.since = *time;
  }
  query.limit = static_cast<std::size_t>(params.integer("limit", 100, 1, 1000));
  if (const auto page = params.text("page"))
    if (!go_on_from(*page, query))
      invalid_request("'page' must be the next_page of an earlier reply");
  params.done();
  call.result(listed(std::move(query)).dump());
}

OrderedJson JobMethods::listed(ListQuery query) const {
  OrderedJson out{{"jobs", OrderedJson::array()}};
  OrderedJson& jobs = out["jobs"];
  const std::size_t limit = query.limit;
  query.max_bytes = limits::kPageBytesMost;
  std::string next;
  for (int i = 0; i < kMostStorePages; ++i) {
    const bool full = jobs.size() == limit || query.max_bytes == 0;
    // Once it is full, whether any come behind is all that is asked.
    query.limit = full ? 1 : limit - jobs.size();
    const JobPage page = store_.list(query);
    if (full && std::any_of(page.jobs.begin(), page.jobs.end(), is_shown)) break;
    for (const JobRecord& record : page.jobs) {
      query.max_bytes -= std::min(query.max_bytes, record.fixed.size() + record.head.size());
      if (is_shown(record)) jobs.push_back(summary_json(record));
    }
    if (!page.more) return out;
    turn(page, query);
    next = page_behind(page);
  }
  out["next_page"] = next;
  return out;
}

}  // namespace domed

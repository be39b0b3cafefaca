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

// Of the jobs that have the slots another one waits for.
constexpr std::size_t kHoldersNamed = 16;

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

std::int64_t time_in(Params& params, const char* key, std::int64_t otherwise) {
  const auto text = params.text(key);
  if (!text) return otherwise;
  const auto time = parse_time(*text);
  if (!time)
    invalid_request("'" + std::string(key) + "' must be a time such as 2026-01-31T12:00:00Z");
  return *time;
}

bool has_all(const std::vector<std::string>& tags, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& one) {
    return std::find(tags.begin(), tags.end(), one) != tags.end();
  });
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
  if (record.columns.state == "queued") add_waiting(record, out);
  call.result(out.dump());
}

// Of one job it is told behind which ones it waits; in lists that would be looked for a thousand
// times.
void JobMethods::add_waiting(const JobRecord& record, OrderedJson& out) const {
  if (out["executor"] == "external") {
    out["waiting"] = why_waiting(record, out);
    return;
  }
  Turn turn = scheduler_.turn_of(record);  // first, for it looks at what other nodes run
  out["waiting"] = why_waiting(record, out);
  out["ahead"] = turn.ahead;
  turn.holders.resize(std::min(turn.holders.size(), kHoldersNamed));
  if (!turn.holders.empty()) out["slots_of"] = std::move(turn.holders);
}

std::string JobMethods::why_waiting(const JobRecord& record, const OrderedJson& shown) const {
  Waiting producer;
  producer.external = true;
  return shown["executor"] == "external" ? producer.why() : scheduler_.why_waiting(record);
}

JobMethods::Wanted JobMethods::wanted(Params& params) {
  Wanted out;
  ListQuery& query = out.query;
  query.state = params.text("state").value_or("");
  if (!query.state.empty() && !parse_state(query.state))
    throw ApiError("E_INVALID_REQUEST",
                   "'state' must be queued, running, succeeded, failed or canceled");
  // What fewest jobs have comes first: a store's query has two of them, and what they find is
  // looked through for the others.
  const auto want = [&](const char* key, const char* name) {
    const auto value = params.text(key);
    if (value && !value->empty()) out.tags.push_back(tag(name, *value));
  };
  want("name", "name");
  if (const auto label = params.text("label", 1024); label && !label->empty()) {
    if (label->find('=') == std::string::npos) invalid_request("'label' must be KEY=VALUE");
    out.tags.push_back(label_tag(*label));
  }
  want("tool_id", "tool");
  want("submitter", "submitter");
  want("node", "node");
  const auto own =
      out.tags.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(out.tags.size(), 2));
  query.tags.assign(out.tags.begin(), own);
  out.tags.erase(out.tags.begin(), own);
  query.since = time_in(params, "since", 0);
  query.limit = static_cast<std::size_t>(params.integer("limit", 100, 1, 1000));
  if (const auto page = params.text("page"))
    if (!go_on_from(*page, query))
      invalid_request("'page' must be the next_page of an earlier reply");
  // Up to and with that time.  A later page begins behind it by itself.
  const std::int64_t until = time_in(params, "until", INT64_MAX);
  if (until != INT64_MAX && (query.before_id.empty() || query.before > until + 1))
    query.before = until + 1, query.before_id.clear();
  params.done();
  return out;
}

void JobMethods::list_jobs(Call call) const {
  Params params(call.params);
  // Of a record that is damaged the store may have any bytes for an id.
  call.result(listed(wanted(params)).dump(-1, ' ', false, OrderedJson::error_handler_t::replace));
}

OrderedJson JobMethods::listed(Wanted wanted) const {
  ListQuery& query = wanted.query;
  // A store's query can only ask for something, and for two tags: the rest is left out here.
  const auto fits = [&](const JobRecord& record) {
    return is_shown(record) && has_all(record.columns.tags, wanted.tags);
  };
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
    if (full && std::any_of(page.jobs.begin(), page.jobs.end(), fits)) break;
    for (const JobRecord& record : page.jobs) {
      query.max_bytes -= std::min(query.max_bytes, record.fixed.size() + record.head.size());
      if (!fits(record)) continue;
      jobs.push_back(summary_json(record));
      if (record.columns.state == "queued" && !jobs.back().contains("damaged"))
        jobs.back()["waiting"] = why_waiting(record, jobs.back());
    }
    if (!page.more) return out;
    turn(page, query);
    next = page_behind(page);
  }
  out["next_page"] = next;
  return out;
}

}  // namespace domed

// FindJob: which job somebody means by what is short enough to type.
#include <algorithm>

#include "api/jobs.h"
#include "api/status.h"
#include "base/units.h"
#include "log/records.h"
#include "log/tags.h"
#include "protocol/job_id.h"
#include "protocol/limits.h"

namespace domed {
namespace {

constexpr std::size_t kLeastPrefix = 4;
constexpr std::size_t kMostCandidates = 10;  // who has more writes more of the id
constexpr std::int64_t kMostBack = 1000;

// The ids of the first "most" jobs that "query" asks for, in its order.
std::vector<std::string> ids(const Store& store, ListQuery query, std::size_t most) {
  std::vector<std::string> out;
  query.limit = most;
  each_record(store, query, [&](const JobRecord& record) {
    // Damaged, an id may be any bytes, and nobody can ask for that.
    if (is_shown(record) && is_utf8(record.job_id)) out.push_back(record.job_id);
    return out.size() < most;
  });
  return out;
}

ApiError ambiguous(const std::string& text, const std::vector<std::string>& found) {
  const bool more = found.size() > kMostCandidates;
  std::string message = "'" + text + "' may be any of " + (more ? "more than " : "") +
                        std::to_string(std::min(found.size(), kMostCandidates)) +
                        " jobs: write more of its id: ";
  Json job_ids = Json::array();
  for (std::size_t i = 0; i < std::min(found.size(), kMostCandidates); ++i) {
    message += (i == 0 ? "" : ", ") + found[i];
    job_ids.push_back(found[i]);
  }
  return {"E_AMBIGUOUS", message + (more ? ", ..." : ""), {{"job_ids", job_ids}}};
}

// How many jobs before the newest "text" means, which is "@last" or "@last~N"; nullopt: it is
// neither.
std::optional<std::int64_t> steps_back(std::string_view text) {
  constexpr std::string_view kLast = "@last", kBack = "@last~";
  if (text == kLast) return 0;
  if (!text.starts_with(kBack)) return std::nullopt;
  const auto back = parse_integer(text.substr(kBack.size()));
  return back && *back >= 0 && *back <= kMostBack ? back : std::nullopt;
}

}  // namespace

// A job from before there were submitters is nobody's.
std::string JobMethods::newest_of(const Identity& who, std::int64_t back) const {
  ListQuery query;
  query.tags = {tag("submitter", who.name)};
  const auto count = static_cast<std::size_t>(back) + 1;
  const auto own = ids(store_, query, count);
  if (own.size() == count) return own.back();
  throw ApiError("E_NOT_FOUND", own.empty() ? "no job was submitted by " + who.name
                                            : "only " + std::to_string(own.size()) +
                                                  " jobs were submitted by " + who.name);
}

// A whole id is meant whatever else it may be.  The beginning of an id that is also a name could
// mean either job, and who cancels the wrong one does not get it back: so that is ambiguous.
void JobMethods::find_job(Call call) const {
  Params params(call.params);
  const std::string text = params.required_text("text", limits::kKeyBytes);
  params.done();
  const auto answer = [&](const std::string& job_id) {
    call.result(OrderedJson{{"job_id", job_id}}.dump());
  };
  if (const auto back = steps_back(text)) return answer(newest_of(*call.who, *back));
  const auto record = store_.find(text);
  if (record && is_shown(*record)) return answer(text);
  std::vector<std::string> found;
  ListQuery query;
  if (text.size() >= kLeastPrefix) {
    query.id_prefix = text;
    found = ids(store_, query, kMostCandidates + 1);
  }
  query = {};
  query.tags = {tag("name", text)};
  for (const auto& named : ids(store_, query, 1))
    if (std::find(found.begin(), found.end(), named) == found.end())
      found.insert(found.begin(), named);
  if (found.size() == 1) return answer(found.front());
  if (!found.empty()) throw ambiguous(text, found);
  if (text.starts_with('@'))
    invalid_request("'text': '" + text + "' is neither @last nor @last~N, N up to " +
                    std::to_string(kMostBack));
  throw ApiError("E_NOT_FOUND", "no job '" + text + "': it is no id, no beginning of one (" +
                                    std::to_string(kLeastPrefix) +
                                    " characters at least) and no name");
}

}  // namespace domed

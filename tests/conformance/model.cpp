#include "model.h"

#include <algorithm>
#include <cstdlib>
#include <set>

namespace conformance {
namespace {

using Action = Entry::Action;

bool creates(const Draft& draft) {
  return draft.action == Action::append && draft.expected_head == 0;
}

bool has_whole_lines(const Draft& draft) {
  std::vector<std::uint32_t> ends;
  for (std::size_t i = 0; i < draft.events.size(); ++i)
    if (draft.events[i] == '\n') ends.push_back(static_cast<std::uint32_t>(i + 1));
  const bool ended = draft.events.empty() || draft.events.back() == '\n';
  return ended && ends == draft.ends && draft.events.size() <= domed::kMaxEntryBytes;
}

bool breaks_a_rule(const Draft& draft) {
  if (draft.job_id.empty() || draft.job_id.size() > 512 || !has_whole_lines(draft)) return true;
  for (const std::string& label : draft.columns.labels)
    if (label.find('\n') != std::string::npos) return true;
  switch (draft.action) {
    case Action::append:
      return creates(draft) ? draft.ends.empty() : draft.first_seq != 0;
    case Action::trim:
      return !draft.ends.empty() || draft.first_seq == 0 ||
             draft.first_seq > draft.expected_head + 1;
    default:
      return !draft.ends.empty();
  }
}

bool fits(const Draft& draft, const Model::Job* job) {
  if (creates(draft)) return job == nullptr;
  return job != nullptr && job->record.tombstone == (draft.action == Action::drop) &&
         job->record.head_seq == draft.expected_head;
}

void forget_below(Model::Job& job, std::uint64_t first) {
  job.record.first_seq = std::max(job.record.first_seq, first);
  std::erase_if(job.lines, [first](const auto& line) { return line.first < first; });
}

void append(Model::Job& job, const Draft& draft) {
  std::size_t begin = 0;
  for (const std::uint32_t end : draft.ends) {
    job.lines[++job.record.head_seq] = draft.events.substr(begin, end - begin - 1);
    begin = end;
  }
}

bool matches(const JobRecord& job, const ListQuery& query) {
  const auto& labels = job.columns.labels;
  const std::int64_t created = job.columns.created;
  return job.tombstone == query.tombstones && (!query.unfinished || job.columns.unfinished) &&
         (query.state.empty() || job.columns.state == query.state) &&
         (query.tool_id.empty() || job.columns.tool_id == query.tool_id) &&
         (query.label.empty() ||
          std::find(labels.begin(), labels.end(), query.label) != labels.end()) &&
         created >= query.since && (query.before == 0 || created < query.before);
}

std::string shown(const std::string& text) {
  std::string out = "'" + text.substr(0, 40) + (text.size() > 40 ? "...'" : "'");
  return out + " (" + std::to_string(text.size()) + " bytes)";
}

template <class Value>
std::string shown(const Value& value) {
  return std::to_string(value);
}

std::string shown(const Lines& lines) {
  std::string out = "[";
  for (const std::string& line : lines) out += (out.size() > 1 ? ", " : "") + line;
  return out + "]";
}

template <class Value>
std::string compared(const char* name, const Value& expected, const Value& actual) {
  if (expected == actual) return "";
  return std::string(name) + " must be " + shown(expected) + ", is " + shown(actual) + "; ";
}

}  // namespace

bool Model::is_invalid(const std::vector<Draft>& batch) const {
  std::set<std::string> ids;
  std::set<std::int64_t> created;
  for (const auto& [id, job] : jobs_) created.insert(job.record.columns.created);
  for (const Draft& draft : batch) {
    if (breaks_a_rule(draft) || !ids.insert(draft.job_id).second) return true;
    if (creates(draft) && !find(draft.job_id) && !created.insert(draft.columns.created).second)
      return true;
  }
  return false;
}

std::optional<std::vector<EntryResult>> Model::commit(const std::vector<Draft>& batch) {
  if (is_invalid(batch)) return std::nullopt;
  std::vector<EntryResult> results;
  for (const Draft& draft : batch) results.push_back(apply(draft));
  return results;
}

EntryResult Model::apply(const Draft& draft) {
  const Job* found = find(draft.job_id);
  if (!fits(draft, found)) return {Outcome::conflict, found ? found->record.head_seq : 0};
  if (draft.action == Action::drop) {
    jobs_.erase(draft.job_id);
    return {Outcome::done, 0};
  }
  Job& job = jobs_[draft.job_id];
  JobRecord& record = job.record;
  if (creates(draft)) {
    record.job_id = draft.job_id;
    record.columns.created = draft.columns.created;
    record.first_seq = std::max<std::uint64_t>(draft.first_seq, 1);
    record.head_seq = record.first_seq - 1;
  }
  const std::int64_t created = record.columns.created;
  record.columns = draft.columns;
  record.columns.created = created;
  record.head = draft.head;
  if (draft.fixed) record.fixed = *draft.fixed;
  append(job, draft);
  if (draft.action == Action::trim) forget_below(job, draft.first_seq);
  if (draft.action == Action::purge) {
    forget_below(job, record.head_seq + 1);
    record.tombstone = true;
    record.fixed.clear();
  }
  return {Outcome::done, 0};
}

Lines Model::lines(const Job& job, std::uint64_t from, std::size_t max_events,
                   std::size_t max_bytes) {
  Lines lines;
  std::size_t bytes = 0;
  for (auto it = job.lines.lower_bound(from); it != job.lines.end(); ++it) {
    bytes += it->second.size() + 1;
    if (!lines.empty() && (lines.size() >= max_events || bytes > max_bytes)) break;
    lines.push_back(it->second);
  }
  return lines;
}

std::vector<JobRecord> Model::list(const ListQuery& query) const {
  std::map<std::int64_t, const JobRecord*, std::greater<>> found;
  for (const auto& [id, job] : jobs_)
    if (matches(job.record, query)) found[job.record.columns.created] = &job.record;
  std::vector<JobRecord> page;
  std::size_t bytes = 0;
  for (const auto& [created, record] : found) {
    bytes += record->fixed.size() + record->head.size();
    if (page.size() == query.limit || (!page.empty() && bytes > query.max_bytes)) break;
    page.push_back(*record);
  }
  return page;
}

const Model::Job* Model::find(const std::string& id) const {
  const auto it = jobs_.find(id);
  return it == jobs_.end() ? nullptr : &it->second;
}

void Model::adopt(const std::string& id, const Model& other) {
  const Job* job = other.find(id);
  if (job)
    jobs_[id] = *job;
  else
    jobs_.erase(id);
}

std::string difference(const JobRecord& expected, const JobRecord& actual, bool with_fixed) {
  return compared("job_id", expected.job_id, actual.job_id) +
         compared("first_seq", expected.first_seq, actual.first_seq) +
         compared("head_seq", expected.head_seq, actual.head_seq) +
         compared("tombstone", expected.tombstone, actual.tombstone) +
         compared("head", expected.head, actual.head) +
         compared("fixed", with_fixed ? expected.fixed : "", actual.fixed) +
         compared("created", expected.columns.created, actual.columns.created) +
         compared("state", expected.columns.state, actual.columns.state) +
         compared("unfinished", expected.columns.unfinished, actual.columns.unfinished) +
         compared("tool_id", expected.columns.tool_id, actual.columns.tool_id) +
         compared("labels", expected.columns.labels, actual.columns.labels);
}

std::string difference(const Lines& expected, const Lines& actual) {
  if (expected == actual) return "";
  const auto [e, a] = std::mismatch(expected.begin(), expected.end(), actual.begin(), actual.end());
  return "there must be " + std::to_string(expected.size()) + " lines, are " +
         std::to_string(actual.size()) + "; line " + std::to_string(e - expected.begin() + 1) +
         " must be " + (e == expected.end() ? "absent" : shown(*e)) + ", is " +
         (a == actual.end() ? "absent" : shown(*a)) + "; ";
}

std::string difference(const Model::Job* expected, const domed::Store& store,
                       const std::string& id) {
  const auto record = store.find(id);
  const auto slice = store.read(id, 1, SIZE_MAX, SIZE_MAX);
  if (record.has_value() != slice.has_value()) return "find() and read() contradict each other";
  if (!expected) return record ? "the job must be absent, and is there" : "";
  if (!record) return "the job must be there, and is absent";
  return difference(expected->record, *record, true) +
         difference(expected->record, slice->job, false) +
         difference(Model::lines(*expected, 1, SIZE_MAX, SIZE_MAX), lines_in(*slice));
}

}  // namespace conformance

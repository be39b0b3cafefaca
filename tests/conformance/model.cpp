#include "model.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <set>
#include <utility>

namespace conformance {
namespace {

using Action = Entry::Action;

bool creates(const Draft& draft) {
  return draft.action == Action::append && draft.expected_revision->empty();
}

bool has_whole_lines(const Draft& draft) {
  std::vector<std::uint32_t> ends;
  for (std::size_t i = 0; i < draft.events.size(); ++i)
    if (draft.events[i] == '\n') ends.push_back(static_cast<std::uint32_t>(i + 1));
  const bool ended = draft.events.empty() || draft.events.back() == '\n';
  return ended && ends == draft.ends && draft.events.size() <= domed::kMaxEntryBytes;
}

bool has_revisions(const Draft& draft) {
  const std::size_t expected = draft.expected_revision->size();
  return (expected == domed::kRevisionBytes || creates(draft)) &&
         (draft.action == Action::drop || draft.revision.size() == domed::kRevisionBytes);
}

bool has_good_tags(const std::vector<std::string>& tags) {
  const std::set<std::string> unique(tags.begin(), tags.end());
  return tags.size() <= domed::kMaxTags && unique.size() == tags.size() &&
         std::all_of(tags.begin(), tags.end(), [](const std::string& tag) {
           return !tag.empty() && tag.size() <= domed::kMaxTagBytes;
         });
}

// What shows without looking at the job.
bool breaks_a_rule(const Draft& draft) {
  if (draft.job_id.empty() || draft.job_id.size() > 512 || !has_whole_lines(draft)) return true;
  if (!has_revisions(draft) || !has_good_tags(draft.columns.tags)) return true;
  if (draft.action == Action::append) return creates(draft) && draft.ends.empty();
  return !draft.ends.empty() || (draft.action == Action::trim && draft.first_seq == 0);
}

// What only the job tells.
bool breaks_a_rule(const Draft& draft, const JobRecord& job) {
  if (draft.action == Action::append) return draft.base != job.head_seq;
  return draft.action == Action::trim && draft.first_seq > job.head_seq + 1;
}

bool fits(const Draft& draft, const Model::Job* job) {
  if (creates(draft)) return job == nullptr;
  return job != nullptr && job->record.tombstone == (draft.action == Action::drop) &&
         job->record.revision == *draft.expected_revision;
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

using Place = std::pair<std::int64_t, std::string>;  // in the order of listings

Place place_of(const JobRecord& job) {
  return {job.columns.created, job.job_id};
}

bool matches(const JobRecord& job, const ListQuery& query) {
  const auto& tags = job.columns.tags;
  const auto has = [&](const std::string& tag) {
    return std::count(tags.begin(), tags.end(), tag);
  };
  return job.tombstone == query.tombstones && (!query.unfinished || job.columns.unfinished) &&
         (query.state.empty() || job.columns.state == query.state) &&
         std::all_of(query.tags.begin(), query.tags.end(), has) &&
         (query.since == 0 || job.columns.created >= query.since);
}

// Whether "job" stands behind where "query" goes on.
bool is_behind(const JobRecord& job, const ListQuery& query) {
  if (!query.id_prefix.empty())
    return job.job_id.starts_with(query.id_prefix) && job.job_id > query.after_id;
  const bool all = query.before == 0 && query.before_id.empty();
  return all || place_of(job) < Place(query.before, query.before_id);
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

std::string hex(const std::string& bytes) {
  static constexpr auto kDigits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

bool Model::is_invalid(const std::vector<Draft>& batch) const {
  std::set<std::string> ids;
  for (const Draft& draft : batch) {
    if (breaks_a_rule(draft) || !ids.insert(draft.job_id).second) return true;
    const Job* job = find(draft.job_id);
    if (job && fits(draft, job) && breaks_a_rule(draft, job->record)) return true;
  }
  return false;
}

std::optional<Outcomes> Model::commit(const std::vector<Draft>& batch) {
  if (is_invalid(batch)) return std::nullopt;
  Outcomes outcomes;
  for (const Draft& draft : batch) outcomes.push_back(apply(draft));
  return outcomes;
}

Outcome Model::apply(const Draft& draft) {
  if (!fits(draft, find(draft.job_id))) return Outcome::conflict;
  if (draft.action == Action::drop) {
    jobs_.erase(draft.job_id);
    return Outcome::done;
  }
  Job& job = jobs_[draft.job_id];
  JobRecord& record = job.record;
  if (creates(draft)) {
    record.job_id = draft.job_id;
    record.columns.created = draft.columns.created;
    record.first_seq = draft.base + 1;
    record.head_seq = draft.base;
  }
  const std::int64_t created = record.columns.created;
  record.columns = draft.columns;
  record.columns.created = created;
  record.head = draft.head;
  record.revision = draft.revision;
  if (draft.fixed) record.fixed = *draft.fixed;
  append(job, draft);
  if (draft.action == Action::trim) forget_below(job, draft.first_seq);
  if (draft.action == Action::purge) {
    forget_below(job, record.head_seq + 1);
    record.tombstone = true;
    record.fixed.clear();
  }
  return Outcome::done;
}

Lines Model::lines(const Job& job, std::uint64_t from, std::size_t max_events,
                   std::size_t max_bytes, Direction direction) {
  Lines lines;
  std::size_t bytes = 0;
  const auto takes = [&](const std::string& line) {
    bytes += line.size() + 1;
    if (!lines.empty() && (lines.size() >= max_events || bytes > max_bytes)) return false;
    lines.push_back(line);
    return true;
  };
  auto it = job.lines.lower_bound(from);
  if (direction == Direction::forward) {
    while (it != job.lines.end() && takes(it->second)) ++it;
  } else {
    while (it != job.lines.begin() && takes(std::prev(it)->second)) --it;
    std::reverse(lines.begin(), lines.end());
  }
  return lines;
}

std::vector<JobRecord> Model::list(const ListQuery& query) const {
  std::vector<const JobRecord*> found;
  for (const auto& [id, job] : jobs_)  // in the order of ids
    if (matches(job.record, query) && is_behind(job.record, query)) found.push_back(&job.record);
  if (query.id_prefix.empty())
    std::sort(found.begin(), found.end(), [](const JobRecord* one, const JobRecord* other) {
      return place_of(*one) > place_of(*other);
    });
  std::vector<JobRecord> page;
  std::size_t bytes = 0;
  for (const JobRecord* record : found) {
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

void Model::take(const domed::Store& store) {
  jobs_.clear();
  for (const bool tombstones : {false, true})
    for (const JobRecord& record : listed(store, {.limit = 10000, .tombstones = tombstones})) {
      Job& job = jobs_[record.job_id];
      job.record = record;
      const auto slice = store.read(record.job_id, 1, SIZE_MAX, SIZE_MAX);
      std::uint64_t seq = slice ? slice->from : 0;
      for (std::string& line : lines_in(slice.value_or(Slice{})))
        job.lines[seq++] = std::move(line);
    }
}

std::string difference(const JobRecord& expected, const JobRecord& actual, bool with_fixed) {
  return compared("job_id", expected.job_id, actual.job_id) +
         compared("revision", hex(expected.revision), hex(actual.revision)) +
         compared("first_seq", expected.first_seq, actual.first_seq) +
         compared("head_seq", expected.head_seq, actual.head_seq) +
         compared("tombstone", expected.tombstone, actual.tombstone) +
         compared("head", expected.head, actual.head) +
         compared("fixed", with_fixed ? expected.fixed : "", actual.fixed) +
         compared("created", expected.columns.created, actual.columns.created) +
         compared("state", expected.columns.state, actual.columns.state) +
         compared("unfinished", expected.columns.unfinished, actual.columns.unfinished) +
         compared("tags", sorted(expected.columns.tags), sorted(actual.columns.tags));
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
